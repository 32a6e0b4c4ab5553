// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/shared_region/regions: counters, one paragraph per environment.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/seq_file.h>
#include <linux/user_namespace.h>

#include "region.h"

static struct dentry *shreg_debugfs;

static void shreg_show(struct seq_file *seq, const char *name, const atomic64_t *counter)
{
	seq_printf(seq, "%s %lld\n", name, atomic64_read(counter));
}

/*
 * Entries of processes that point at what they share; each leads to a table that they need not
 * have.
 */
static long long shreg_nested_now(const struct shreg_counters *counters)
{
	return atomic64_read(&counters->nests) - atomic64_read(&counters->unnests) -
	       atomic64_read(&counters->detaches) - atomic64_read(&counters->hides);
}

static void shreg_show_region(struct shreg_region *region, void *data)
{
	const struct shreg_counters *counters = &region->counters;
	struct seq_file *seq = data;

	seq_printf(seq, "region %pUb\nroot ", region->uuid);
	seq_path(seq, &region->env.root, " \t\n\\");
	seq_printf(seq, "\nteam %.*s\ncpu_level %u\nbits %d\nuser_namespace %u\n", SHREG_TEAM_MAX,
		   region->env.team, region->env.cpu_level, region->env.compat ? 32 : 64,
		   region->env.user_ns->ns.inum);
	seq_printf(seq, "state %s\n", region->state == SHREG_SEALED ? "sealed" : "configuring");
	seq_printf(seq, "size %llu\npages %lu\nranges %lu\non_request %lu\n", region->size,
		   region->page_count, region->ranges.count, region->on_request.count);
	seq_printf(seq, "users %u\nattached %u\n", region->users, region->attached);
	seq_printf(seq, "crashes %u\nretired %d\nkept %d\n", region->crashes, region->retired,
		   region->kept);
	seq_printf(seq, "tables %lu\nleaves %lu\n", region->table_count, region->leaf_count);
	shreg_show(seq, "attaches", &counters->attaches);
	shreg_show(seq, "nests", &counters->nests);
	shreg_show(seq, "unnests", &counters->unnests);
	shreg_show(seq, "detaches", &counters->detaches);
	shreg_show(seq, "hides", &counters->hides);
	shreg_show(seq, "flushes", &counters->flushes);
	shreg_show(seq, "private_faults", &counters->private_faults);
	seq_printf(seq, "table_bytes_saved %lld\n\n", shreg_nested_now(counters) * PAGE_SIZE);
}

static int shreg_regions_show(struct seq_file *seq, void *unused)
{
	shreg_region_for_each(shreg_show_region, seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(shreg_regions);

void shreg_stats_init(void)
{
	/* debugfs's errors need no handling: without it there are no counters to read */
	shreg_debugfs = debugfs_create_dir("shared_region", NULL);
	debugfs_create_file("regions", 0400, shreg_debugfs, NULL, &shreg_regions_fops);
}

void shreg_stats_exit(void)
{
	debugfs_remove(shreg_debugfs);
}
