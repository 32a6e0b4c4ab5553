/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/shared_region: one sealed region of code and data per environment, entered by every process
 * of it.
 *
 * Usable from C11, C++20 and the kernel. Nothing here depends on the rest of the project.
 */
#ifndef _UAPI_LINUX_SHARED_REGION_H
#define _UAPI_LINUX_SHARED_REGION_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: the shared region
 *
 * A region belongs to an environment: CPU level, bitness, root directory (whatever mount it is
 * reached by), team ID (the extended attribute security.sharedregion.team of the caller's
 * executable, if that is root's; absent and empty are the same) and user namespace of the caller.
 * It is configured once, by one ioctl, into a place that nobody can see; then it is sealed:
 * content, protections and base never change again. It goes when the last process that is attached
 * and the last file descriptor that configured it are gone, after a delay (module parameter
 * destroy_delay); one configured with SHARED_REGION_KEEP only after it was retired.
 *
 * All structures begin with their size and may grow: a shorter one is completed with zeros; a
 * longer one is accepted if what this kernel does not know is zero. Reserved fields and unknown
 * flags must be zero.
 *
 * Errors that every ioctl may give:
 *
 * ENOTTY		unknown ioctl number
 * EINVAL		size below the first version's, unknown flag or reserved field not zero
 * E2BIG		a field that this kernel does not know is not zero, or size is above 4096
 * EFAULT		structure or something that it points to is not accessible (if only the
 *			answer could not be written, what was asked for is done)
 * EOPNOTSUPP		a 32-bit caller (i386 or x32): no 32-bit regions exist yet
 * ENOMEM		out of memory (for CHECK and DETACH see there)
 * EINTR		a signal arrived first; call again
 * ERANGE		the team ID of the caller's executable has more than 64 bytes (CHECK, QUERY,
 *			MAP_AND_SLIDE)
 *
 * SHARED_REGION_CHECK	attach the caller to its environment's sealed region
 *	ENOMEM		the environment has no configured region (as XNU's shared_region_check_np),
 *			or the caller may not map so much (RLIMIT_AS, number of mappings): QUERY
 *			tells which
 *	EAGAIN		it is being configured and SHARED_REGION_CHECK_WAIT was not given, or
 *			mlockall(MCL_FUTURE) and RLIMIT_MEMLOCK forbid it
 *	EEXIST		the caller has something mapped in the region's range
 *	ENFILE		no more open files in the system
 *	EACCES, EPERM	a security module forbids the mapping
 *	ESTALE		with SHARED_REGION_CHECK_UUID: the region has another UUID
 *	EBUSY		the caller is attached, and a limit, requests or SHARED_REGION_CHECK_SPARSE
 *			were given: what it has mapped stays as it is
 *	EINVAL		the limit is not a multiple of 2 MiB; a request is empty, does not follow
 *			the one before it, or leaves the limit or the pages that are mapped on
 *			request
 *	E2BIG		too many requests
 *	After an error nothing of the region is mapped (unless it was before).
 *	An attached process gets the answer for the region that it has, whatever its root is now,
 *	and whatever it has unmapped of it.
 *
 * SHARED_REGION_MAP_AND_SLIDE	configure the environment's region and seal it; the caller is not
 *				attached
 *	EPERM		no CAP_SYS_ADMIN in the caller's user namespace; or SHARED_REGION_KEEP, and
 *			that is not the initial one
 *	EEXIST		the environment has a region with another configuration, and
 *			SHARED_REGION_REPLACE was not given
 *	EBADF		a mapping's fd is not open for reading
 *	EACCES		a mapping's file is not regular, or may be written by group or others, or
 *			belongs to somebody else than the caller or the namespace's root
 *	EINVAL		overlap rules, alignment, range, protection or slide information are wrong
 *	E2BIG		region, number of mappings or of slide words too large
 *	ENAMETOOLONG	a mapping's name does not fit into 63 characters
 *	ENOSPC		regions of user namespaces may not hold so much (module parameter
 *			user_namespaces_limit)
 *	ETXTBSY		somebody has a file open for writing, or mapped shared and writable
 *	ESTALE		a file changed while it was being read
 *	EIO, ...	what reading a file gave
 *	EBADMSG		SHA-256 differs
 *	Success for the one that configured and for those who asked for the very same configuration
 *	meanwhile (the same files, the same SHA-256 if one is given).
 *
 * SHARED_REGION_QUERY	what the environment (or, if attached, the caller) has; never ENOMEM for
 *			"nothing"
 *
 * SHARED_REGION_DETACH	unmap the region from the caller, with what was mapped over parts of it
 *	ENOENT		the caller is not attached
 *	EPERM		a part of it is sealed with mseal()
 *	ENOMEM		no memory, or too many mappings, to split one: nothing is unmapped
 *
 * SHARED_REGION_RETIRE	CHECK finds the environment's region no more; who is attached keeps it
 *	EPERM		no CAP_SYS_ADMIN in the caller's user namespace
 *	ENOENT		the environment has no sealed region
 *	ESTALE		with SHARED_REGION_RETIRE_UUID: it has another UUID
 *
 * SHARED_REGION_INTERPRETER_SET	substitute an interpreter, for programs of the caller's root
 *					directory
 * SHARED_REGION_INTERPRETER_CLEAR	stop it
 * SHARED_REGION_INTERPRETER_QUERY	is it in force?
 *	EPERM		no CAP_SYS_ADMIN in the initial user namespace (programs of other users are
 *			concerned)
 *	EOPNOTSUPP	the kernel has no kprobes, or none on open_exec(), or they are switched off
 *			at run time
 *	EEXIST		SET: the interpreter has a substitute in this root directory; CLEAR it first
 *	ENOENT		CLEAR, QUERY: it has none; SET: a file does not exist
 *	EACCES		SET: a file is not regular and executable, or not root's, or may be written
 *			by group or others
 *	ENAMETOOLONG	a path does not fit into 255 characters; EINVAL: it is not absolute
 *	ENOTDIR, ELOOP	SET: as open(2) has them
 */

#define SHARED_REGION_DEVICE	"/dev/shared_region"
#define SHARED_REGION_TEAM_XATTR	"security.sharedregion.team"

#define SHARED_REGION_UUID_SIZE		16
#define SHARED_REGION_SHA256_SIZE	32
#define SHARED_REGION_MAX_MAPPINGS	4096
#define SHARED_REGION_MAX_REQUESTS	4096
#define SHARED_REGION_NAME_MAX		64	/* with the NUL */
#define SHARED_REGION_MAX_SIZE		(16ULL << 30)
#define SHARED_REGION_MAX_SLIDE_COUNT	(8U << 20)	/* of all mappings together */

/* shared_region_check.flags */
#define SHARED_REGION_CHECK_EAGER	(1U << 0)	/* nest the tables now: no fault later */
#define SHARED_REGION_CHECK_WAIT	(1U << 1)	/* sleep, killably, until it is sealed */
#define SHARED_REGION_CHECK_UUID	(1U << 2)	/* ESTALE unless it has this @uuid */
#define SHARED_REGION_CHECK_SPARSE	(1U << 3)	/* what no mapping covers stays unmapped */

/**
 * struct shared_region_request - pages that SHARED_REGION_CHECK shall map writable
 * @page:	region offset / 4096
 * @count:	number of pages, not 0
 *
 * All of them are pages of mappings with SHARED_REGION_MAPPING_ON_REQUEST.
 */
struct shared_region_request {
	__u32 page;
	__u32 count;
};

/**
 * struct shared_region_check - argument of SHARED_REGION_CHECK
 * @size:	in: sizeof(struct shared_region_check)
 * @flags:	in: SHARED_REGION_CHECK_*
 * @base:	out: address of region offset 0
 * @region_size: out: bytes from @base that belong to the region, a multiple of 2 MiB
 * @slide:	out: distance of @base from the lowest possible base
 * @uuid:	out: as given by the configurator; in: see SHARED_REGION_CHECK_UUID
 * @limit:	in: only region offsets below are mapped; a multiple of 2 MiB, 0: all
 * @requests:	in: address of @request_count structures shared_region_request in rising order,
 *		which do not overlap
 * @request_count: in: up to SHARED_REGION_MAX_REQUESTS
 * @reserved:	0
 */
struct shared_region_check {
	__u32 size;
	__u32 flags;
	__aligned_u64 base;
	__aligned_u64 region_size;
	__aligned_u64 slide;
	__u8 uuid[SHARED_REGION_UUID_SIZE];
	__aligned_u64 limit;
	__aligned_u64 requests;
	__u32 request_count;
	__u32 reserved;
};

/* shared_region_mapping.prot */
#define SHARED_REGION_PROT_READ		(1U << 0)
#define SHARED_REGION_PROT_WRITE	(1U << 1)
#define SHARED_REGION_PROT_EXEC		(1U << 2)

/* shared_region_mapping.flags */
#define SHARED_REGION_MAPPING_PRIVATE	(1U << 0)	/* for PROT_WRITE: copied when written */
#define SHARED_REGION_MAPPING_ZERO	(1U << 1)	/* no file: zeros; fd is -1 */
#define SHARED_REGION_MAPPING_ON_REQUEST	(1U << 2)	/* see below */

/**
 * struct shared_region_mapping - one piece of the region
 * @fd:		regular file, open for reading
 * @prot:	SHARED_REGION_PROT_*: READ; READ|EXEC; READ|WRITE with SHARED_REGION_MAPPING_PRIVATE
 * @flags:	SHARED_REGION_MAPPING_*
 * @reserved:	0
 * @file_offset: multiple of 4096
 * @region_offset: multiple of 4096. A mapping replaces what earlier mappings put at the same place.
 * @length:	bytes, not 0. The rest of its last page is zero. The file must be that long.
 * @slide:	address of @slide_count __u64 words: a RELR list (SHT_RELR encoding) of region
 *		offsets, multiples of 8 within this mapping, of 64-bit words to which the region's
 *		base is added
 * @slide_count: 0: nothing slides; over all mappings up to SHARED_REGION_MAX_SLIDE_COUNT
 * @name:	0, or address of a string of printable ASCII: what /proc/PID/maps shows behind the
 *		UUID. Mappings that share a VMA are shown as FIRST+N: the first one's, and N others.
 *
 * A mapping ON_REQUEST is PRIVATE and lies over earlier read-only ones. CHECK maps those of its
 * pages that it is asked for READ|WRITE. The others are a part of what is mapped around them, with
 * the protection of the mapping below, so that data in the midst of text costs no VMA; they can be
 * read, whatever else that protection allows.
 *
 * Its size is an array stride, which is why it does not begin with one: see
 * shared_region_map_and_slide.mapping_size.
 */
struct shared_region_mapping {
	__s32 fd;
	__u32 prot;
	__u32 flags;
	__u32 reserved;
	__aligned_u64 file_offset;
	__aligned_u64 region_offset;
	__aligned_u64 length;
	__aligned_u64 slide;
	__aligned_u64 slide_count;
	__aligned_u64 name;
};

/* shared_region_map_and_slide.flags */
#define SHARED_REGION_VERIFY_SHA256	(1U << 0)
#define SHARED_REGION_KEEP		(1U << 1)	/* until it is retired, used or not */
#define SHARED_REGION_REPLACE		(1U << 2)	/* retire the one that is there */

/**
 * struct shared_region_map_and_slide - argument of SHARED_REGION_MAP_AND_SLIDE
 * @size:	in: sizeof(struct shared_region_map_and_slide)
 * @flags:	in: SHARED_REGION_VERIFY_SHA256, _KEEP, _REPLACE
 * @mappings:	in: address of @mapping_count structures of @mapping_size bytes each
 * @mapping_count: in: 1 to SHARED_REGION_MAX_MAPPINGS
 * @mapping_size: in: sizeof(struct shared_region_mapping)
 * @region_size: in: up to SHARED_REGION_MAX_SIZE; rounded up to 2 MiB
 * @uuid:	in: handed out by CHECK and QUERY
 * @sha256:	in: with SHARED_REGION_VERIFY_SHA256, of the region's @region_size bytes before
 *		sliding (what no mapping covers counts as zeros), followed by all slide words in the
 *		order of the mappings
 * @base:	out: address of region offset 0
 * @slide:	out: as in struct shared_region_check
 *
 * With SHARED_REGION_KEEP the region needs neither an open descriptor nor a process; it goes when
 * it is retired, or with the module, which can be unloaded while nobody is attached. With
 * SHARED_REGION_REPLACE an earlier region with another configuration is in force until the new one
 * is sealed, and retired in that moment; it stays if configuring fails.
 */
struct shared_region_map_and_slide {
	__u32 size;
	__u32 flags;
	__aligned_u64 mappings;
	__u32 mapping_count;
	__u32 mapping_size;
	__aligned_u64 region_size;
	__u8 uuid[SHARED_REGION_UUID_SIZE];
	__u8 sha256[SHARED_REGION_SHA256_SIZE];
	__aligned_u64 base;
	__aligned_u64 slide;
};

/* shared_region_query.state */
#define SHARED_REGION_STATE_NONE	0
#define SHARED_REGION_STATE_CONFIGURING	1
#define SHARED_REGION_STATE_SEALED	2

/* shared_region_query.flags, out */
#define SHARED_REGION_QUERY_ATTACHED	(1U << 0)	/* the caller is attached to this region */
#define SHARED_REGION_QUERY_RESLIDE	(1U << 1)	/* crashes: others need a new one */
#define SHARED_REGION_QUERY_KEPT	(1U << 2)	/* SHARED_REGION_KEEP */
#define SHARED_REGION_QUERY_RETIRED	(1U << 3)	/* found by nobody any more */

/**
 * struct shared_region_query - argument of SHARED_REGION_QUERY; everything but @size is an answer
 * @size:	in: sizeof(struct shared_region_query)
 * @flags:	in: 0; out: SHARED_REGION_QUERY_*
 * @state:	SHARED_REGION_STATE_*
 * @attached:	number of processes (address spaces) that are attached
 * @base:	0 unless sealed
 * @region_size: 0 unless sealed
 * @pages:	4 KiB pages that hold content
 * @tables:	page tables that processes share
 * @nested:	page-table slots nested since the region exists
 * @unnested:	slots that got a private table because of a write or a change of protection
 * @flushes:	TLB flushes because a nested slot went away
 * @uuid:	zeros unless sealed
 * @crashes:	processes that got a SIGSEGV or SIGBUS for an address in the region
 * @reserved:	0
 * @leaves:	pages of 2 MiB that processes have instead of a table (not in @tables)
 *
 * After module parameter reslide_after crashes a region is retired: who has it keeps it, CHECK
 * gives ENOMEM to others, and MAP_AND_SLIDE makes another region with another slide. Until then
 * QUERY of a process that is not attached says RESLIDE, STATE_NONE and the crashes. Of an
 * attached one it says RESLIDE as well. The configurator of a retired region should close the
 * descriptor that keeps it.
 */
struct shared_region_query {
	__u32 size;
	__u32 flags;
	__u32 state;
	__u32 attached;
	__aligned_u64 base;
	__aligned_u64 region_size;
	__aligned_u64 pages;
	__aligned_u64 tables;
	__aligned_u64 nested;
	__aligned_u64 unnested;
	__aligned_u64 flushes;
	__u8 uuid[SHARED_REGION_UUID_SIZE];
	__u32 crashes;
	__u32 reserved;
	__aligned_u64 leaves;
};

/**
 * struct shared_region_detach - argument of SHARED_REGION_DETACH
 * @size:	in: sizeof(struct shared_region_detach)
 * @flags:	in: 0
 */
struct shared_region_detach {
	__u32 size;
	__u32 flags;
};

/* shared_region_retire.flags */
#define SHARED_REGION_RETIRE_UUID	(1U << 0)	/* only if it has this @uuid */

/**
 * struct shared_region_retire - argument of SHARED_REGION_RETIRE
 * @size:	in: sizeof(struct shared_region_retire)
 * @flags:	in: 0 or SHARED_REGION_RETIRE_UUID
 * @uuid:	in: see there
 */
struct shared_region_retire {
	__u32 size;
	__u32 flags;
	__u8 uuid[SHARED_REGION_UUID_SIZE];
};

/* shared_region_interpreter.flags */
#define SHARED_REGION_INTERPRETER_UNTIL_CLOSE	(1U << 0)	/* ends with the open file */

/* A path with its NUL has at most as many bytes. */
#define SHARED_REGION_INTERPRETER_PATH_SIZE	256

/* shared_region_interpreter.state */
#define SHARED_REGION_INTERPRETER_ACTIVE	1	/* execve() takes the replacement */
#define SHARED_REGION_INTERPRETER_STALE		2	/* one of the two changed: out of force */

/**
 * struct shared_region_interpreter - argument of SHARED_REGION_INTERPRETER_SET, _CLEAR and _QUERY
 * @size:	in: sizeof(struct shared_region_interpreter)
 * @flags:	in: SET: SHARED_REGION_INTERPRETER_UNTIL_CLOSE or 0; else 0
 *		out: QUERY: as SET had it
 * @genuine:	in: address of a string: the path as in PT_INTERP. The file that is there now is the
 *		genuine one.
 * @replacement: in: SET: address of a string: the path that execve() opens instead. QUERY: address
 *		of SHARED_REGION_INTERPRETER_PATH_SIZE bytes, which get that path as SET had it,
 *		or 0. CLEAR: 0
 * @state:	out: SHARED_REGION_INTERPRETER_*
 * @reserved:	in: 0
 * @substituted: out: how often it was done
 *
 * The pair stays when the file descriptor is closed, unless UNTIL_CLOSE was given: then it ends
 * with the last descriptor of the open file that SET was called on, however its owner ends. If
 * one of the two files is deleted, replaced, moved, written or mounted over, also by a change to
 * a directory or symbolic link of its path, the substitution ends at the next execve() and for
 * good: the next SET decides anew. Programs then start with the genuine one, as does one whose
 * user may not execute the replacement.
 */
struct shared_region_interpreter {
	__u32 size;
	__u32 flags;
	__aligned_u64 genuine;
	__aligned_u64 replacement;
	__u32 state;
	__u32 reserved;
	__aligned_u64 substituted;
};

/* The structures grow, the numbers do not: the size is in the argument, not in the number. */
#define SHARED_REGION_IOC_MAGIC		0xB6
#define SHARED_REGION_CHECK		_IO(SHARED_REGION_IOC_MAGIC, 0)
#define SHARED_REGION_MAP_AND_SLIDE	_IO(SHARED_REGION_IOC_MAGIC, 1)
#define SHARED_REGION_QUERY		_IO(SHARED_REGION_IOC_MAGIC, 2)
#define SHARED_REGION_DETACH		_IO(SHARED_REGION_IOC_MAGIC, 3)
#define SHARED_REGION_INTERPRETER_SET	_IO(SHARED_REGION_IOC_MAGIC, 4)
#define SHARED_REGION_INTERPRETER_CLEAR	_IO(SHARED_REGION_IOC_MAGIC, 5)
#define SHARED_REGION_INTERPRETER_QUERY	_IO(SHARED_REGION_IOC_MAGIC, 6)
#define SHARED_REGION_RETIRE		_IO(SHARED_REGION_IOC_MAGIC, 7)

#endif /* _UAPI_LINUX_SHARED_REGION_H */
