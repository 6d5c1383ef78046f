// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * synced_writes DEVICE FIRST COUNT: write COUNT blocks of 4 KiB, each of which
 * is to be on the medium when its write returns, past the page cache. Ends with
 * the first error. (The guest's dd has no oflag=dsync.)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK 4096

int main(int argc, char **argv)
{
	static _Alignas(BLOCK) unsigned char block[BLOCK];
	long i, first, count;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: synced_writes DEVICE FIRST COUNT\n");
		return 2;
	}
	first = atol(argv[2]);
	count = atol(argv[3]);
	fd = open(argv[1], O_WRONLY | O_DIRECT | O_DSYNC);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	for (i = first; i < first + count; i++)
		if (pwrite(fd, block, BLOCK, i * BLOCK) != BLOCK) {
			perror(argv[1]);
			return 1;
		}
	return 0;
}
