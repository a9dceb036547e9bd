#pragma once
// Address space for tables: zeroed, taken page by page as it is touched. Not from EAL's heap, which
// may be small.
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

static inline void * // NULL: no address space
pl_mem_space(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

// The same in huge pages where the kernel has them to give: for what is touched all over.
static inline void *
pl_mem_map(size_t size)
{
	void *p = pl_mem_space(size);

	if (p != NULL)
		madvise(p, size, MADV_HUGEPAGE); // only advice: the table works without
	return p;
}

static inline void
pl_mem_unmap(void *p, size_t size)
{
	if (p != NULL)
		munmap(p, size);
}
