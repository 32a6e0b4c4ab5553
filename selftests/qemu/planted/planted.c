// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module with planted errors: shows that the runner of the tests (selftests/qemu/run) sees them.
 *
 * Writing a name to /sys/module/planted/parameters/plant makes the error happen.
 * Never load it on a real system.
 */
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static void plant_warn(void)
{
	WARN(1, "planted warning\n");
}

static void plant_oops(void)
{
	int *nowhere = NULL;

	OPTIMIZER_HIDE_VAR(nowhere);
	WRITE_ONCE(*nowhere, 1);
}

static void plant_panic(void)
{
	panic("planted panic");
}

/* Only lockdep sees that the two orders may meet. */
static void plant_deadlock(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void plant_leak(void)
{
	void *lost = kmalloc(200, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(lost);
}

static void plant_overrun(void)
{
	char *bytes = kmalloc(64, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(bytes);
	if (bytes)
		WRITE_ONCE(bytes[64], 1);
	kfree(bytes);
}

static void plant_hang(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

static const struct {
	const char *name;
	void (*function)(void);
} plants[] = {
	{ "warn", plant_warn },		{ "oops", plant_oops },
	{ "panic", plant_panic },	{ "deadlock", plant_deadlock },
	{ "leak", plant_leak },		{ "overrun", plant_overrun },
	{ "hang", plant_hang },
};

static int set_plant(const char *value, const struct kernel_param *param)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(plants); i++) {
		if (sysfs_streq(value, plants[i].name)) {
			plants[i].function();
			return 0;
		}
	}
	return -EINVAL;
}

static const struct kernel_param_ops plant_ops = { .set = set_plant };

module_param_cb(plant, &plant_ops, NULL, 0200);
MODULE_PARM_DESC(plant, "error to make: warn, oops, panic, deadlock, leak, overrun, hang");

MODULE_DESCRIPTION("Planted errors for the test of the test runner");
MODULE_LICENSE("GPL");
