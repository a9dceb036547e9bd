#pragma once
// Address space for tables: zeroed, taken page by page as it is touched, huge pages where the
// kernel has them to give. Not from EAL's heap, which may be small.
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

static inline void * // NULL: no address space
pl_mem_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_HUGEPAGE); // only advice: the table works without
	return p;
}

static inline void
pl_mem_unmap(void *p, size_t size)
{
	if (p != NULL)
		munmap(p, size);
}
