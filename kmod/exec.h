/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between interpreter.c (which pairs there are, and whether they are in force) and exec.c (what
 * execve() does).
 */
#ifndef SHREG_EXEC_H
#define SHREG_EXEC_H

#include <linux/list.h>
#include <linux/path.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

#include "linux/shared_region.h"

#if defined(CONFIG_KPROBES) && !defined(SHREG_WITHOUT_KPROBES)
#define SHREG_HAS_EXEC	1
#else
#define SHREG_HAS_EXEC	0
#endif

#define SHREG_INTERPRETER_MAX	SHARED_REGION_INTERPRETER_PATH_SIZE

/*
 * A file as it was when it was registered. @name begins with one "/" more than the caller gave: the
 * same file to a look-up, but not the name that the probe knows. So opening it does not come back
 * to us.
 */
struct shreg_pinned {
	struct path path;
	u64 ctime;
	char name[1 + SHREG_INTERPRETER_MAX];
};

struct shreg_interpreter {
	struct list_head link;		/* shreg_interpreter_lock; read under RCU */
	refcount_t refs;		/* the list, each open_exec() under way, whoever asks */
	struct path root;
	struct shreg_pinned genuine;
	struct shreg_pinned replacement;
	const struct file *owner;	/* the pair ends with this open file; NULL: not */
	bool stale;			/* for good */
	atomic64_t substituted;
	struct work_struct release;
};

/* interpreter.c */
struct shreg_interpreter *shreg_interpreter_get(const char *name);
void shreg_interpreter_put(struct shreg_interpreter *pair);
bool shreg_interpreter_in_force(struct shreg_interpreter *pair);

/* exec.c */
int shreg_probe_register(void);
void shreg_probe_unregister(void);
void shreg_probe_wait(void);

#endif /* SHREG_EXEC_H */
