// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /dev/vlab_replay: a write() is a batch of programs, what is read afterwards
 * is how each of them ended. fuzz/replay.h has the format.
 *
 * Only root opens it, and root is not believed either: every length of a batch
 * is checked before the first of its programs runs.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "replay.h"
#include "replay_device.h"
#include "replay_lab.h"

static char *plant = "";
module_param(plant, charp, 0444);
MODULE_PARM_DESC(plant, "a bug to run into, for the test that KASAN sees it");

/* Over an execution, whose state is static. */
static DEFINE_MUTEX(replay_lock);

/**
 * struct session - an open file
 * @lock: over the rest, for threads that share the file; never held over a run
 * @answer: to the last batch
 * @size: of it
 * @pos: how much of it was read
 */
struct session {
	struct mutex lock;
	u8 *answer;
	size_t size;
	loff_t pos;
};

/* How many programs a batch has, or a negative errno; and is one traced? */
static int count_programs(const u8 *batch, size_t size, bool *traced)
{
	struct replay_program program;
	int more, count = 0;
	size_t pos = 0;

	*traced = false;
	while ((more = vlab_replay_next(batch, size, &pos, &program)) > 0) {
		if (++count > REPLAY_PROGRAMS_MAX)
			return -E2BIG;
		*traced |= program.traced;
	}
	if (more)
		return more;
	return !*traced || count == 1 ? count : -EINVAL;
}

/* In memory of exactly its size: KASAN sees the first byte past its end. */
static int run_alone(struct replay_program program, u8 *record,
		     struct vlab_replay_trace *trace)
{
	void *copy = NULL;

	if (program.size) {
		copy = kvmalloc(program.size, GFP_KERNEL);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, program.data, program.size);
	}
	program.data = copy;
	vlab_replay_run(&program, record, trace);
	kvfree(copy);
	return 0;
}

static int run_all(const u8 *batch, size_t size, u8 *record,
		   struct vlab_replay_trace *trace)
{
	struct replay_program program;
	size_t pos = 0;
	int err;

	while (vlab_replay_next(batch, size, &pos, &program) > 0) {
		err = run_alone(program, record, trace);
		if (err)
			return err;
		record += REPLAY_RESULT_SIZE;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

int vlab_replay_batch(const u8 *batch, size_t size, u8 **answer,
		      size_t *answer_size)
{
	struct vlab_replay_trace trace = { .max = REPLAY_EVENTS_MAX };
	size_t records, room;
	__le64 told;
	bool traced;
	u8 *out;
	int err;

	err = count_programs(batch, size, &traced);
	if (err < 0)
		return err;
	records = (size_t)err * REPLAY_RESULT_SIZE;
	room = records;
	if (traced)
		room += REPLAY_TOLD_SIZE +
			REPLAY_EVENTS_MAX * REPLAY_EVENT_SIZE;
	out = kvzalloc(max_t(size_t, room, 1), GFP_KERNEL);
	if (!out)
		return -ENOMEM;
	trace.events = out + records + REPLAY_TOLD_SIZE;

	err = mutex_lock_killable(&replay_lock);
	if (err)
		goto free;
	err = run_all(batch, size, out, traced ? &trace : NULL);
	mutex_unlock(&replay_lock);
	if (err)
		goto free;

	if (traced) {
		told = cpu_to_le64(trace.told);
		memcpy(out + records, &told, sizeof(told));
		room = records + REPLAY_TOLD_SIZE +
		       min_t(u64, trace.told, trace.max) * REPLAY_EVENT_SIZE;
	}
	*answer = out;
	*answer_size = room;
	return 0;
free:
	kvfree(out);
	return err;
}

static int replay_open(struct inode *inode, struct file *file)
{
	struct session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return -ENOMEM;
	mutex_init(&session->lock);
	file->private_data = session;
	return stream_open(inode, file);
}

static int replay_release(struct inode *inode, struct file *file)
{
	struct session *session = file->private_data;

	kvfree(session->answer);
	kfree(session);
	return 0;
}

static ssize_t replay_write(struct file *file, const char __user *from,
			    size_t size, loff_t *pos)
{
	struct session *session = file->private_data;
	size_t answer_size;
	u8 *batch, *answer;
	int err;

	if (size > REPLAY_BATCH_MAX)
		return -E2BIG;
	batch = vmemdup_user(from, size);
	if (IS_ERR(batch))
		return PTR_ERR(batch);
	err = vlab_replay_batch(batch, size, &answer, &answer_size);
	kvfree(batch);
	if (err)
		return err;

	mutex_lock(&session->lock);
	kvfree(session->answer);
	session->answer = answer;
	session->size = answer_size;
	session->pos = 0;
	mutex_unlock(&session->lock);
	return size;
}

static ssize_t replay_read(struct file *file, char __user *to, size_t size,
			   loff_t *pos)
{
	struct session *session = file->private_data;
	ssize_t done;

	mutex_lock(&session->lock);
	done = simple_read_from_buffer(to, size, &session->pos, session->answer,
				       session->size);
	mutex_unlock(&session->lock);
	return done;
}

static const struct file_operations replay_fops = {
	.owner = THIS_MODULE,
	.open = replay_open,
	.release = replay_release,
	.write = replay_write,
	.read = replay_read,
};

static struct miscdevice replay_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vlab_replay",
	.mode = 0600,
	.fops = &replay_fops,
};

static int __init replay_init(void)
{
	int err;

	if (*plant) {
		err = vlab_replay_plant(plant);
		if (err) {
			pr_err("vlab_replay: cannot plant \"%s\"\n", plant);
			return err;
		}
	}
	return misc_register(&replay_device);
}

static void __exit replay_exit(void)
{
	misc_deregister(&replay_device);
}

module_init(replay_init);
module_exit(replay_exit);
MODULE_DESCRIPTION("replay of vlab's fuzz programs");
MODULE_LICENSE("GPL");
