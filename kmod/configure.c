// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_AND_SLIDE: from a request to a sealed region.
 *
 * All in one ioctl, in memory that no process maps: so there is nothing to undo but to free it,
 * whether a step fails or the configurator is killed, and nobody ever sees half a region.
 */
#include <crypto/sha2.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "configure.h"
#include "region.h"

/* The first version's. */
#define SHREG_MAPPING_MIN	offsetofend(struct shared_region_mapping, slide_count)

/* ---- reading and checking the request ---- */

static int shreg_check_mapping(const struct shared_region_mapping *map, u64 region_size)
{
	const u32 all = SHARED_REGION_PROT_READ | SHARED_REGION_PROT_WRITE |
			SHARED_REGION_PROT_EXEC;
	bool zero = map->flags & SHARED_REGION_MAPPING_ZERO;

	if (map->reserved ||
	    (map->flags & ~(SHARED_REGION_MAPPING_PRIVATE | SHARED_REGION_MAPPING_ZERO |
			    SHARED_REGION_MAPPING_ON_REQUEST)))
		return -EINVAL;
	if ((map->flags & SHARED_REGION_MAPPING_ON_REQUEST) &&
	    !(map->flags & SHARED_REGION_MAPPING_PRIVATE))
		return -EINVAL;
	if ((map->prot & ~all) || !(map->prot & SHARED_REGION_PROT_READ))
		return -EINVAL;
	/* writable means private, and never executable */
	if (!!(map->prot & SHARED_REGION_PROT_WRITE) !=
	    !!(map->flags & SHARED_REGION_MAPPING_PRIVATE))
		return -EINVAL;
	if ((map->prot & SHARED_REGION_PROT_WRITE) && (map->prot & SHARED_REGION_PROT_EXEC))
		return -EINVAL;
	if (zero ? map->fd != -1 || map->file_offset : map->fd < 0)
		return -EINVAL;
	if (!PAGE_ALIGNED(map->file_offset) || !PAGE_ALIGNED(map->region_offset) || !map->length)
		return -EINVAL;
	if (map->region_offset > region_size || map->length > region_size - map->region_offset)
		return -EINVAL;
	if (map->file_offset > LLONG_MAX - map->length ||
	    map->slide_count > map->length / sizeof(u64))
		return -EINVAL;
	return 0;
}

/* Root's or the caller's own, and nobody else may write it. Called again at the seal. */
static int shreg_check_file(const struct shreg_configuration *config, struct file *file)
{
	const struct inode *inode = file_inode(file);
	kuid_t root;

	if (!S_ISREG(inode->i_mode) || (inode->i_mode & 0022))
		return -EACCES;
	/* the namespace may have no root; a file's owner may have no number in it */
	root = make_kuid(config->env->user_ns, 0);
	if (!uid_eq(inode->i_uid, current_fsuid()) &&
	    !(uid_valid(root) && uid_eq(inode->i_uid, root)))
		return -EACCES;
	return 0;
}

static int shreg_open_piece(const struct shreg_configuration *config, struct shreg_piece *piece)
{
	int ret;

	if (piece->arg.flags & SHARED_REGION_MAPPING_ZERO)
		return 0;
	piece->file = fget(piece->arg.fd);
	if (!piece->file || !(piece->file->f_mode & FMODE_READ))
		return -EBADF;
	ret = shreg_check_file(config, piece->file);
	if (ret)
		return ret;
	ret = deny_write_access(piece->file);
	if (ret)
		return ret;
	piece->denied = true;
	piece->ctime = shreg_ctime(file_inode(piece->file));
	if (piece->arg.file_offset + piece->arg.length > i_size_read(file_inode(piece->file)))
		return -EINVAL;
	return 0;
}

static int shreg_read_name(struct shreg_piece *piece)
{
	const char __user *user = u64_to_user_ptr(piece->arg.name);
	const char *c;
	long length;

	if (!piece->arg.name)
		return 0;
	length = strncpy_from_user(piece->name, user, sizeof(piece->name));
	if (length < 0)
		return length;
	if (length == sizeof(piece->name))
		return -ENAMETOOLONG;
	for (c = piece->name; *c; c++)
		if (*c < ' ' || *c > '~')
			return -EINVAL;
	return 0;
}

static int shreg_read_slide(struct shreg_configuration *config, struct shreg_piece *piece)
{
	size_t size = piece->arg.slide_count * sizeof(u64);

	if (!size)
		return 0;
	if (piece->arg.slide_count > SHARED_REGION_MAX_SLIDE_COUNT - config->slide_count)
		return -E2BIG;
	config->slide_count += piece->arg.slide_count;
	piece->slide = shreg_may_fail(kvmalloc(size, GFP_KERNEL_ACCOUNT), NULL);
	if (!piece->slide)
		return -ENOMEM;
	return copy_from_user(piece->slide, u64_to_user_ptr(piece->arg.slide), size) ? -EFAULT : 0;
}

static int shreg_read_piece(struct shreg_configuration *config, unsigned int i)
{
	const struct shared_region_map_and_slide *arg = config->arg;
	struct shreg_piece *piece = &config->pieces[i];
	const char __user *user = u64_to_user_ptr(arg->mappings);
	int ret;

	ret = copy_struct_from_user(&piece->arg, sizeof(piece->arg),
				    user + (size_t)i * arg->mapping_size, arg->mapping_size);
	if (!ret)
		ret = shreg_check_mapping(&piece->arg, config->size);
	if (!ret)
		ret = shreg_read_name(piece);
	if (!ret)
		ret = shreg_open_piece(config, piece);
	return ret ?: shreg_read_slide(config, piece);
}

static int shreg_read_request(struct shreg_configuration *config)
{
	const struct shared_region_map_and_slide *arg = config->arg;
	unsigned int i;
	int ret;

	if (arg->region_size > SHARED_REGION_MAX_SIZE ||
	    arg->mapping_count > SHARED_REGION_MAX_MAPPINGS)
		return -E2BIG;
	if (!arg->region_size || !arg->mapping_count ||
	    arg->mapping_size < SHREG_MAPPING_MIN ||
	    arg->mapping_size > PAGE_SIZE)
		return -EINVAL;
	config->size = ALIGN(arg->region_size, SHREG_SLOT_SIZE);
	config->pieces = shreg_may_fail(kvcalloc(arg->mapping_count, sizeof(*config->pieces),
						 GFP_KERNEL_ACCOUNT), NULL);
	if (!config->pieces)
		return -ENOMEM;
	for (i = 0; i < arg->mapping_count; i++) {
		config->count = i + 1;
		ret = shreg_read_piece(config, i);
		if (ret)
			return ret;
	}
	return 0;
}

static void shreg_drop_request(struct shreg_configuration *config)
{
	unsigned int i;

	for (i = 0; i < config->count; i++) {
		if (config->pieces[i].denied)
			allow_write_access(config->pieces[i].file);
		if (config->pieces[i].file)
			fput(config->pieces[i].file);
		kvfree(config->pieces[i].slide);
	}
	kvfree(config->pieces);
}

/* At most SHARED_REGION_MAX_SLIDE_COUNT: long enough for the scheduler to be asked now and then. */
static void shreg_hash_slide(struct sha256_state *state, const struct shreg_piece *piece)
{
	const u8 *bytes = (const u8 *)piece->slide;
	size_t left = piece->arg.slide_count * sizeof(u64);

	while (left) {
		size_t length = min_t(size_t, left, SZ_64K);

		sha256_update(state, bytes, length);
		bytes += length;
		left -= length;
		cond_resched();
	}
}

/*
 * What makes two requests the same: all but the numbers of fds and the places of arrays. The
 * hash is part of it: nobody's wish to have the content verified is met by a region that
 * somebody else did not verify. Whether it may replace another one is not.
 */
static void shreg_digest(const struct shreg_configuration *config,
			 u8 digest[SHARED_REGION_SHA256_SIZE])
{
	u32 flags = config->arg->flags & ~SHARED_REGION_REPLACE;
	struct sha256_state state;
	unsigned int i;

	sha256_init(&state);
	sha256_update(&state, (const u8 *)&config->size, sizeof(config->size));
	sha256_update(&state, config->arg->uuid, sizeof(config->arg->uuid));
	sha256_update(&state, (const u8 *)&flags, sizeof(flags));
	if (config->arg->flags & SHARED_REGION_VERIFY_SHA256)
		sha256_update(&state, config->arg->sha256, sizeof(config->arg->sha256));
	for (i = 0; i < config->count; i++) {
		const struct shreg_piece *piece = &config->pieces[i];
		struct shared_region_mapping map = piece->arg;
		u64 file[3] = { };

		map.fd = 0;
		map.slide = 0;
		map.name = 0;
		if (piece->file) {
			file[0] = file_inode(piece->file)->i_sb->s_dev;
			file[1] = file_inode(piece->file)->i_ino;
			file[2] = piece->ctime;
		}
		sha256_update(&state, (const u8 *)&map, sizeof(map));
		sha256_update(&state, (const u8 *)piece->name, sizeof(piece->name));
		sha256_update(&state, (const u8 *)file, sizeof(file));
		shreg_hash_slide(&state, piece);
	}
	sha256_final(&state, digest);
}

/* ---- content ---- */

static struct page *shreg_configure_page(struct shreg_region *region, u64 offset)
{
	struct page **slot = &region->pages[offset >> PAGE_SHIFT];

	if (*slot) {
		clear_highpage(*slot);
		return *slot;
	}
	/*
	 * GFP_KERNEL without highmem or movable: pinned for the region's life, off the LRU, charged
	 * to the caller. Fails rather than has the OOM killer look for a process that owns it.
	 */
	*slot = shreg_may_fail(alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_RETRY_MAYFAIL |
					  __GFP_NOWARN), NULL);
	if (*slot)
		region->page_count++;
	return *slot;
}

static int shreg_read_page(const struct shreg_piece *piece, u64 done, struct page *page)
{
	size_t wanted = min_t(u64, PAGE_SIZE, piece->arg.length - done);
	loff_t pos = piece->arg.file_offset + done;
	char *to = page_address(page);

	while (piece->file && wanted) {
		ssize_t got = kernel_read(piece->file, to, wanted, &pos);

		if (got <= 0)
			return got ? got : -ESTALE;	/* truncated since it was checked */
		to += got;
		wanted -= got;
	}
	return 0;
}

static int shreg_fill_piece(struct shreg_configuration *config, const struct shreg_piece *piece)
{
	u64 done;
	int ret;

	for (done = 0; done < piece->arg.length; done += PAGE_SIZE) {
		struct page *page =
			shreg_configure_page(config->region, piece->arg.region_offset + done);

		if (!page)
			return -ENOMEM;
		ret = shreg_read_page(piece, done, page);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int shreg_verify(const struct shreg_configuration *config)
{
	u64 i, pages = DIV_ROUND_UP(config->arg->region_size, PAGE_SIZE);
	u64 left = config->arg->region_size;
	u8 found[SHARED_REGION_SHA256_SIZE];
	struct sha256_state state;

	if (!(config->arg->flags & SHARED_REGION_VERIFY_SHA256))
		return 0;
	sha256_init(&state);
	for (i = 0; i < pages; i++) {
		struct page *page = config->region->pages[i] ?: ZERO_PAGE(0);
		size_t length = min_t(u64, left, PAGE_SIZE);

		sha256_update(&state, page_address(page), length);
		left -= length;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	for (i = 0; i < config->count; i++)
		shreg_hash_slide(&state, &config->pieces[i]);
	sha256_final(&state, found);
	return memcmp(found, config->arg->sha256, sizeof(found)) ? -EBADMSG : 0;
}

/* ---- slide ---- */

static int shreg_slide_word(struct shreg_region *region, const struct shreg_piece *piece,
			    u64 offset)
{
	const struct shared_region_mapping *map = &piece->arg;
	u64 *words;

	if (offset < map->region_offset ||
	    offset - map->region_offset > map->length - sizeof(u64) || offset % sizeof(u64))
		return -EINVAL;
	words = page_address(region->pages[offset >> PAGE_SHIFT]);
	words[offset_in_page(offset) / sizeof(u64)] += region->base;
	return 0;
}

/*
 * RELR as in SHT_RELR: an even entry is an offset, an odd one a bitmap of the 63 words that
 * follow.
 */
static int shreg_slide_piece(struct shreg_region *region, const struct shreg_piece *piece)
{
	u64 i, next = 0;
	int ret = 0;

	if (piece->arg.length < sizeof(u64) && piece->arg.slide_count)
		return -EINVAL;
	for (i = 0; i < piece->arg.slide_count && !ret; i++) {
		u64 entry = piece->slide[i];
		u64 offset = next;

		if (i % 1024 == 0)
			cond_resched();
		if (!(entry & 1)) {
			ret = shreg_slide_word(region, piece, entry);
			next = entry + sizeof(u64);
			continue;
		}
		for (entry >>= 1; entry && !ret; entry >>= 1, offset += sizeof(u64))
			if (entry & 1)
				ret = shreg_slide_word(region, piece, offset);
		next += 63 * sizeof(u64);
	}
	return ret;
}

/* A region of up to 1 GiB does not cross a GiB: then one fault nests all of it. */
static void shreg_choose_base(struct shreg_region *region)
{
	u64 slots = (SHREG_BASE_HIGH - SHREG_BASE_LOW - region->size) >> SHREG_SLOT_SHIFT;

	do {
		region->slide = (get_random_u64() % slots) << SHREG_SLOT_SHIFT;
		region->base = SHREG_BASE_LOW + region->slide;
	} while (region->size <= PUD_SIZE &&
		 (region->base & PUD_MASK) != ((region->base + region->size - 1) & PUD_MASK));
}

/* ---- the whole ---- */

static int shreg_check_files_again(const struct shreg_configuration *config)
{
	unsigned int i;

	for (i = 0; i < config->count; i++) {
		const struct shreg_piece *piece = &config->pieces[i];

		if (!piece->file)
			continue;
		if (shreg_ctime(file_inode(piece->file)) != piece->ctime ||
		    shreg_check_file(config, piece->file))
			return -ESTALE;
	}
	return 0;
}

static int shreg_fill_region(struct shreg_configuration *config)
{
	struct shreg_region *region = config->region;
	unsigned int i;
	int ret;

	region->pages = shreg_may_fail(kvcalloc(config->size >> PAGE_SHIFT, sizeof(*region->pages),
						GFP_KERNEL_ACCOUNT), NULL);
	if (!region->pages)
		return -ENOMEM;
	ret = shreg_make_ranges(config);
	if (ret)
		return ret;
	shreg_large_pages_alloc(region);
	for (i = 0; i < config->count; i++) {
		ret = shreg_fill_piece(config, &config->pieces[i]);
		if (ret)
			return ret;
	}
	ret = shreg_verify(config);
	if (ret)
		return ret;
	shreg_choose_base(region);
	for (i = 0; i < config->count; i++) {
		ret = shreg_slide_piece(region, &config->pieces[i]);
		if (ret)
			return ret;
	}
	ret = shreg_build_tables(region);
	return ret ?: shreg_check_files_again(config);
}

/* The region that the environment has, or that somebody configures now: fine if it is the same. */
static struct shreg_region *shreg_accept_other(const struct shreg_configuration *config, bool wait)
{
	u8 digest[SHARED_REGION_SHA256_SIZE];
	struct shreg_region *region = shreg_region_find_sealed(config->env, wait);

	if (IS_ERR(region))
		return region;
	shreg_digest(config, digest);
	if (!memcmp(digest, region->digest, sizeof(digest)))
		return region;
	shreg_region_put(region);
	return ERR_PTR(-EEXIST);
}

/*
 * Upper bound of the memory that a region holds: its content, and 1/256 of its size for what
 * describes it.
 */
static u64 shreg_memory_needed(const struct shreg_configuration *config)
{
	u64 content = 0;
	unsigned int i;

	for (i = 0; i < config->count; i++)
		content += PAGE_ALIGN(config->pieces[i].arg.length);
	return min(content, config->size) + config->size / 256;
}

/*
 * One tries, the others wait in shreg_accept_other(); when it fails (-ENOMEM there), one of them
 * tries.
 */
static struct shreg_region *shreg_become_configurator(struct shreg_configuration *config)
{
	struct shreg_region *region;

	for (;;) {
		config->region = shreg_region_alloc(config->env, config->size,
						    shreg_memory_needed(config), false);
		if (config->region != ERR_PTR(-EBUSY))
			return NULL;
		region = shreg_accept_other(config, true);
		if (region != ERR_PTR(-ENOMEM))
			return region;
	}
}

/* The same for one that replaces what is there, unless that is the same. One at a time as well. */
static struct shreg_region *shreg_become_replacer(struct shreg_configuration *config)
{
	struct shreg_region *region;
	int ret;

	for (;;) {
		region = shreg_accept_other(config, false);
		if (!IS_ERR(region))
			return region;
		config->region = shreg_region_alloc(config->env, config->size,
						    shreg_memory_needed(config), true);
		if (config->region != ERR_PTR(-EBUSY))
			return NULL;
		ret = shreg_region_wait_for_configurator(config->env);
		if (ret)
			return ERR_PTR(ret);
	}
}

static struct shreg_region *shreg_run_configuration(struct shreg_configuration *config)
{
	struct shreg_region *region;
	int ret;

	region = config->arg->flags & SHARED_REGION_REPLACE ? shreg_become_replacer(config) :
							      shreg_become_configurator(config);
	if (region)
		return region;
	region = config->region;
	if (IS_ERR(region))
		return region;
	memcpy(region->uuid, config->arg->uuid, sizeof(region->uuid));
	shreg_digest(config, region->digest);
	ret = shreg_fill_region(config);
	shreg_region_publish(region, ret ? SHREG_DEAD : SHREG_SEALED);
	if (!ret)
		return region;
	shreg_region_put(region);
	return ERR_PTR(ret);
}

/* The sealed region with a reference. */
struct shreg_region *shreg_configure(const struct shreg_environment *env,
				     const struct shared_region_map_and_slide *arg)
{
	struct shreg_configuration config = { .env = env, .arg = arg };
	struct shreg_region *region;
	int ret = shreg_read_request(&config);

	region = ret ? ERR_PTR(ret) : shreg_run_configuration(&config);
	shreg_drop_request(&config);
	return region;
}
