// SPDX-License-Identifier: GPL-2.0-or-later
/* The small device model and the rest of the port, below the virtio bus. */
#include "helper.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static struct device devs[3];
static struct device_driver drvs[3];
static unsigned int probes, removes, releases;
static int probe_error;
static void (*in_probe)(struct device *dev);
static void (*in_remove)(struct device *dev);

static bool match(struct device *dev, struct device_driver *drv)
{
	(void)dev;
	(void)drv;
	return true;
}

static int probe(struct device *dev)
{
	int err = dev->driver == &drvs[0] ? probe_error : 0;

	probes++;
	assert_true(dev->refs >= 2);
	assert_true(dev->busy);
	if (in_probe)
		in_probe(dev);
	/* Whatever it did, nobody took the binding away under it. */
	assert_non_null(dev->driver);
	assert_true(dev->busy);
	return err;
}

static void remove_device(struct device *dev)
{
	removes++;
	assert_non_null(dev->driver);
	if (in_remove)
		in_remove(dev);
}

static void release(struct device *dev)
{
	(void)dev;
	releases++;
}

static const struct port_bus_ops ops = { match, probe, remove_device };
static const struct port_bus_ops other_ops = { match, probe, remove_device };

static int setup(void **state)
{
	unsigned int i;

	(void)state;
	memset(devs, 0, sizeof(devs));
	memset(drvs, 0, sizeof(drvs));
	for (i = 0; i < 3; i++) {
		devs[i].release = release;
		drvs[i].name = "test";
	}
	probes = removes = releases = 0;
	probe_error = 0;
	in_probe = in_remove = NULL;
	return port_bus_register(&ops);
}

static int teardown(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		port_driver_unregister(&drvs[i]);
		port_device_del(&devs[i]);
		if (devs[i].refs)
			port_device_put(&devs[i]);
	}
	port_bus_unregister();
	return 0;
}

static void add(unsigned int i)
{
	assert_int_equal(port_device_add(&devs[i], "dev", (int)i), 0);
}

static void test_bus(void **state)
{
	(void)state;
	assert_int_equal(port_bus_register(&ops), 0);
	assert_int_equal(port_bus_register(&other_ops), -EBUSY);
	add(0);
	port_bus_unregister(); /* in use: stays */
	assert_int_equal(port_bus_register(&other_ops), -EBUSY);
	port_device_del(&devs[0]);
	port_device_put(&devs[0]);
	port_bus_unregister();
	assert_int_equal(port_device_add(&devs[0], "dev", 0), -ENODEV);
	assert_int_equal(port_driver_register(&drvs[0]), -ENODEV);
	assert_int_equal(devs[0].refs, 0);
}

static void test_names_and_references(void **state)
{
	(void)state;
	add(0);
	assert_string_equal(devs[0].name, "dev0");
	assert_int_equal(port_device_add(&devs[0], "dev", 0), -EBUSY);
	assert_int_equal(port_device_add(&devs[1], "dev", 0), -EEXIST);
	assert_int_equal(devs[1].refs, 0);
	port_device_del(&devs[0]);
	port_device_del(&devs[0]);
	assert_int_equal(releases, 0);
	/* Off the bus, still held: not yet free to be added again. */
	assert_int_equal(port_device_add(&devs[0], "dev", 0), -EBUSY);
	port_device_put(&devs[0]);
	assert_int_equal(releases, 1);
	add(0);
}

static void test_bind_and_unbind(void **state)
{
	(void)state;
	add(0);
	assert_int_equal(port_driver_register(&drvs[0]), 0);
	assert_int_equal(port_driver_register(&drvs[0]), -EBUSY);
	assert_ptr_equal(devs[0].driver, &drvs[0]);
	add(1);
	assert_int_equal(probes, 2);
	assert_int_equal(port_driver_register(&drvs[1]), 0);
	assert_int_equal(probes, 2);
	port_driver_unregister(&drvs[0]);
	port_driver_unregister(&drvs[0]);
	assert_int_equal(removes, 2);
	assert_null(devs[0].driver);
	assert_int_equal(port_driver_register(&drvs[2]), 0);
	assert_ptr_equal(devs[1].driver, &drvs[2]);
	port_device_del(&devs[1]);
	assert_int_equal(removes, 3);
	assert_null(devs[1].driver);
}

static void test_failed_probe(void **state)
{
	(void)state;
	probe_error = -EIO;
	assert_int_equal(port_driver_register(&drvs[0]), 0);
	assert_int_equal(port_driver_register(&drvs[1]), 0);
	add(0);
	assert_int_equal(probes, 2);
	assert_int_equal(removes, 0);
	assert_ptr_equal(devs[0].driver, &drvs[1]);
}

static void delete_self(struct device *dev)
{
	port_device_del(dev);
	port_device_put(dev);
	assert_int_equal(releases, 0);
}

/* A device that is taken off in its own probe is unbound right after it. */
static void test_delete_in_probe(void **state)
{
	(void)state;
	in_probe = delete_self;
	assert_int_equal(port_driver_register(&drvs[0]), 0);
	assert_int_equal(port_driver_register(&drvs[1]), 0);
	add(0);
	assert_int_equal(probes, 1);
	assert_int_equal(removes, 1);
	assert_int_equal(releases, 1);
	assert_null(devs[0].driver);
	probe_error = -EIO;
	releases = 0;
	add(1);
	assert_int_equal(probes, 2);
	assert_int_equal(removes, 1);
	assert_int_equal(releases, 1);
}

static void test_delete_in_remove(void **state)
{
	(void)state;
	in_remove = delete_self;
	add(0);
	add(1);
	assert_int_equal(port_driver_register(&drvs[0]), 0);
	in_remove = NULL;
	port_device_del(&devs[1]);
	in_remove = delete_self;
	port_driver_unregister(&drvs[0]);
	assert_int_equal(removes, 2);
	assert_int_equal(releases, 1);
	assert_int_equal(devs[0].refs, 0);
}

static void unregister_self(struct device *dev)
{
	port_driver_unregister(dev->driver);
}

static void test_unregister_in_probe(void **state)
{
	(void)state;
	in_probe = unregister_self;
	add(0);
	add(1);
	assert_int_equal(port_driver_register(&drvs[0]), 0);
	assert_int_equal(probes, 1);
	assert_int_equal(removes, 1);
	assert_null(devs[0].driver);
	assert_null(devs[1].driver);
	assert_false(drvs[0].added);
}

static void add_more(struct device *dev)
{
	in_probe = NULL;
	assert_int_equal(port_driver_register(&drvs[2]), 0);
	assert_ptr_equal(dev->driver, &drvs[0]);
	add(2);
	port_device_del(&devs[1]);
}

static void test_change_lists_in_probe(void **state)
{
	(void)state;
	in_probe = add_more;
	add(0);
	add(1);
	assert_int_equal(port_driver_register(&drvs[0]), 0);
	assert_ptr_equal(devs[0].driver, &drvs[0]);
	assert_null(devs[1].driver);
	assert_ptr_equal(devs[2].driver, &drvs[0]);
}

static void test_ida(void **state)
{
	static struct ida ida;
	int i;

	(void)state;
	for (i = 0; i < VLAB_IDA_MAX; i++)
		assert_int_equal(ida_alloc(&ida, GFP_KERNEL), i);
	assert_int_equal(ida_alloc(&ida, GFP_KERNEL), -ENOSPC);
	ida_free(&ida, 70);
	ida_free(&ida, 5);
	ida_free(&ida, VLAB_IDA_MAX);
	ida_free(&ida, ~0U);
	assert_int_equal(ida_alloc(&ida, GFP_KERNEL), 5);
	assert_int_equal(ida_alloc(&ida, GFP_KERNEL), 70);
	assert_int_equal(ida_alloc(&ida, GFP_KERNEL), -ENOSPC);
}

static void test_memory(void **state)
{
	dma_addr_t addr = 0;
	u8 *ptr;
	int i;

	(void)state;
	ptr = dma_alloc_coherent(NULL, 100, &addr, GFP_KERNEL);
	assert_non_null(ptr);
	assert_ptr_equal(peer_at(addr), ptr);
	assert_int_equal(addr % 16, 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(ptr[i], 0);
	dma_free_coherent(NULL, 100, ptr, addr);
	ptr = kzalloc(0, GFP_KERNEL);
	assert_non_null(ptr);
	kfree(ptr);
	kfree(NULL);
}

/* Ten lines of one device, a last one that says so, then silence. */
static void test_warnings(void **state)
{
	int old = dup(STDERR_FILENO), lines = 0, i;
	char last[256] = "", line[256];
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	add(0);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	for (i = 0; i < 1000; i++)
		dev_warn_ratelimited(&devs[0], "number %d\n", i);
	fflush(stderr);
	dup2(old, STDERR_FILENO);
	close(old);
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		if (!lines++)
			assert_string_equal(line, "vlab: dev0: number 0\n");
		memcpy(last, line, sizeof(last));
	}
	fclose(file);
	assert_int_equal(lines, 11);
	assert_string_equal(last, "vlab: dev0: further warnings of this device "
				  "are not shown\n");
}

static void *churn(void *arg)
{
	unsigned int i = *(unsigned int *)arg, n;

	for (n = 0; n < 200; n++) {
		port_device_add(&devs[i], "dev", (int)i);
		port_driver_register(&drvs[i]);
		port_driver_unregister(&drvs[i]);
		port_device_del(&devs[i]);
		port_device_put(&devs[i]);
	}
	return NULL;
}

static void test_threads(void **state)
{
	unsigned int id[3] = { 0, 1, 2 }, i;
	pthread_t thread[3];

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, churn, &id[i]), 0);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(releases, 600);
	assert_int_equal(probes, removes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bus),
		TEST(test_names_and_references),
		TEST(test_bind_and_unbind),
		TEST(test_failed_probe),
		TEST(test_delete_in_probe),
		TEST(test_delete_in_remove),
		TEST(test_unregister_in_probe),
		TEST(test_change_lists_in_probe),
		TEST(test_ida),
		TEST(test_memory),
		TEST(test_warnings),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
