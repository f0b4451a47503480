// CUDA's kernels as plain C++: a block's threads are threads of the host, and blocks run one after another.
#include <atomic>
#include <barrier>
#include <cmath>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

struct Index {
    unsigned x;
};
static thread_local Index threadIdx, blockIdx;
static Index blockDim;
static std::barrier<>* together;
static std::atomic<int> votes;

static void __syncthreads() { together->arrive_and_wait(); }

static int __syncthreads_count(bool vote)
{
    votes += vote;
    __syncthreads();
    const int counted = votes;
    __syncthreads();
    votes -= vote;
    __syncthreads();
    return counted;
}

#define __device__ static
#define __global__
#define __shared__ static
#include "cuda_kernels.cu"

template <class... A, std::size_t... I>
static void run(void (*kernel)(A...), int blocks, int threads, const std::uint64_t* arguments, std::index_sequence<I...>)
{
    std::barrier<> barrier(threads);
    together = &barrier;
    blockDim.x = threads;
    std::vector<std::thread> block;
    for (int t = 0; t < threads; ++t)
        block.emplace_back([=] {
            for (int b = 0; b < blocks; ++b) {
                threadIdx.x = t, blockIdx.x = b;
                kernel(*(const A*)(arguments + I)...);
                __syncthreads();
            }
        });
    for (std::thread& thread : block)
        thread.join();
}

template <class... A> static void run(void (*kernel)(A...), int blocks, int threads, const std::uint64_t* arguments)
{
    run(kernel, blocks, threads, arguments, std::index_sequence_for<A...>());
}

#define ENTRY(name) \
    extern "C" void run_##name(int blocks, int threads, const std::uint64_t* arguments) \
    { \
        run(name, blocks, threads, arguments); \
    }
ENTRY(project)
ENTRY(list_tiles)
ENTRY(blend)
