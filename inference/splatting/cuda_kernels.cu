// Splatting on CUDA: projection, keys that sort Gaussians by tile and depth, blending. Conventions are those of
// rasterize.py. cuda.py compiles this at run time and defines TILE and the constants of kernels.py.
//
// Pointers, 64-bit integers and doubles are the only parameters: what Python's integers and floats become.

// Column `axis` of the rotation matrix of a unit quaternion wxyz.
__device__ void axis_of(const float* quaternion, int axis, double* out)
{
    const double w = quaternion[0], x = quaternion[1], y = quaternion[2], z = quaternion[3];
    if (axis == 0) {
        out[0] = 1 - 2 * (y * y + z * z), out[1] = 2 * (x * y + w * z), out[2] = 2 * (x * z - w * y);
    } else if (axis == 1) {
        out[0] = 2 * (x * y - w * z), out[1] = 1 - 2 * (x * x + z * z), out[2] = 2 * (y * z + w * x);
    } else {
        out[0] = 2 * (x * z + w * y), out[1] = 2 * (y * z - w * x), out[2] = 1 - 2 * (x * x + y * y);
    }
}

__device__ double clamp(double value, double low, double high) { return fmin(fmax(value, low), high); }

// Row `row` of the pose's rotation times a vector.
__device__ double turned(const double* pose, int row, const double* v)
{
    return pose[4 * row] * v[0] + pose[4 * row + 1] * v[1] + pose[4 * row + 2] * v[2];
}

// camera: the first three rows of world to camera, then fx, fy, cx, cy. Writes for every Gaussian its centre (2), conic
// xx, xy, yy (3), depth, first and last tile column and row (4), and the number of its tiles: 0 where it is not seen.
// In double precision, as on the CPU, so that nearly equal depths sort alike.
extern "C" __global__ void project(const float* means, const float* quaternions, const float* scales,
    const float* opacities, const double* camera, long long count, long long width, long long height, double near,
    float* places, float* conics, float* depths, int* tiles, int* tile_counts)
{
    const long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= count)
        return;
    tile_counts[n] = 0;
    const double mean[3] = {means[3 * n], means[3 * n + 1], means[3 * n + 2]};
    const double x = turned(camera, 0, mean) + camera[3], y = turned(camera, 1, mean) + camera[7];
    const double z = turned(camera, 2, mean) + camera[11];
    depths[n] = (float)z;
    if (z < near || opacities[n] < LEAST)
        return;
    const double fx = camera[12], fy = camera[13], cx = camera[14], cy = camera[15];
    const double reach_x = MARGIN * 0.5 * width / fx, reach_y = MARGIN * 0.5 * height / fy;
    const double slope_x = clamp(x / z, -cx / fx - reach_x, (width - cx) / fx + reach_x);
    const double slope_y = clamp(y / z, -cy / fy - reach_y, (height - cy) / fy + reach_y);
    // The linearised projection of each of the three axes, one standard deviation long.
    double xx = BLUR, xy = 0, yy = BLUR;
    for (int axis = 0; axis < 3; ++axis) {
        double direction[3];
        axis_of(quaternions + 4 * n, axis, direction);
        const double length = scales[3 * n + axis], vz = turned(camera, 2, direction);
        const double u = fx / z * length * (turned(camera, 0, direction) - slope_x * vz);
        const double v = fy / z * length * (turned(camera, 1, direction) - slope_y * vz);
        xx += u * u, xy += u * v, yy += v * v;
    }
    const double determinant = xx * yy - xy * xy;
    if (!(determinant > 0))
        return;
    const double px = fx * x / z + cx, py = fy * y / z + cy;
    const double reach = 2 * log(opacities[n] / LEAST);
    const double half_x = sqrt(reach * xx), half_y = sqrt(reach * yy);
    if (px + half_x <= 0 || py + half_y <= 0 || px - half_x >= width || py - half_y >= height)
        return;
    places[2 * n] = (float)px, places[2 * n + 1] = (float)py;
    conics[3 * n] = (float)(yy / determinant);
    conics[3 * n + 1] = (float)(-xy / determinant);
    conics[3 * n + 2] = (float)(xx / determinant);
    // A little more than exact: the pixel decides.
    const double last_column = (width + TILE - 1) / TILE - 1, last_row = (height + TILE - 1) / TILE - 1;
    int* range = tiles + 4 * n;
    range[0] = (int)clamp(floor((px - half_x - 1e-3) / TILE), 0, last_column);
    range[1] = (int)clamp(floor((px + half_x + 1e-3) / TILE), 0, last_column);
    range[2] = (int)clamp(floor((py - half_y - 1e-3) / TILE), 0, last_row);
    range[3] = (int)clamp(floor((py + half_y + 1e-3) / TILE), 0, last_row);
    tile_counts[n] = (range[1] - range[0] + 1) * (range[3] - range[2] + 1);
}

// depth_bits: the depths as integers, which sort like the positive numbers that they are. ends: running sums of the tile
// counts. Writes a key, tile before depth, and the Gaussian's number for every tile that it reaches.
extern "C" __global__ void list_tiles(const int* tiles, const int* tile_counts, const long long* ends,
    const int* depth_bits, long long count, long long columns, long long* keys, int* members)
{
    const long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= count || tile_counts[n] == 0)
        return;
    const int* range = tiles + 4 * n;
    long long index = ends[n] - tile_counts[n];
    for (int row = range[2]; row <= range[3]; ++row)
        for (int column = range[0]; column <= range[1]; ++column, ++index) {
            keys[index] = (row * columns + column) << 32 | depth_bits[n];
            members[index] = (int)n;
        }
}

struct Splat {
    float x, y, a, b, c, opacity, red, green, blue, z;
};

struct Pixel {
    float light, red, green, blue, depth, half;
    bool done;
};

// Blend a Gaussian into the pixel whose centre is (x, y), behind what is there.
__device__ void blend_into(Pixel& pixel, const Splat& splat, float x, float y)
{
    const float dx = x - splat.x, dy = y - splat.y;
    const float power = 0.5f * (splat.a * dx * dx + splat.c * dy * dy) + splat.b * dx * dy;
    const float share = fminf((float)MOST, splat.opacity * expf(-power));
    if (power < 0 || share < (float)LEAST)
        return;
    const float after = pixel.light * (1 - share);
    if (after <= (float)CLOSED) {
        pixel.done = true;
        return;
    }
    const float weight = pixel.light * share;
    pixel.red += weight * splat.red, pixel.green += weight * splat.green, pixel.blue += weight * splat.blue;
    pixel.depth += weight * splat.z;
    if (pixel.half == 0 && after < 0.5f)
        pixel.half = splat.z;
    pixel.light = after;
}

// A block of TILE x TILE threads for every tile. starts: of the tiles' parts of members, tiles + 1 of them.
extern "C" __global__ void blend(const long long* starts, const int* members, const float* places, const float* conics,
    const float* opacities, const float* colours, const float* depths, const float* background, long long width,
    long long height, float* rgb, float* alpha, float* depth, float* first_hit)
{
    __shared__ Splat batch[TILE * TILE];
    const long long columns = (width + TILE - 1) / TILE, tile = blockIdx.x;
    const int thread = threadIdx.x;
    const long long column = tile % columns * TILE + thread % TILE, row = tile / columns * TILE + thread / TILE;
    const bool inside = column < width && row < height;
    Pixel pixel = {1, 0, 0, 0, 0, 0, !inside};
    for (long long first = starts[tile]; first < starts[tile + 1]; first += TILE * TILE) {
        // Also keeps the batch until all have seen the last one.
        if (__syncthreads_count(pixel.done) == TILE * TILE)
            break;
        const long long left = starts[tile + 1] - first, size = left < TILE * TILE ? left : TILE * TILE;
        if (thread < size) {
            const long long n = members[first + thread];
            batch[thread] = {places[2 * n], places[2 * n + 1], conics[3 * n], conics[3 * n + 1], conics[3 * n + 2],
                opacities[n], colours[3 * n], colours[3 * n + 1], colours[3 * n + 2], depths[n]};
        }
        __syncthreads();
        for (int k = 0; k < size && !pixel.done; ++k)
            blend_into(pixel, batch[k], column + 0.5f, row + 0.5f);
    }
    if (!inside)
        return;
    const long long at = row * width + column;
    const float covered = 1 - pixel.light, infinite = 1 / 0.0f;
    rgb[3 * at] = pixel.red + pixel.light * background[0];
    rgb[3 * at + 1] = pixel.green + pixel.light * background[1];
    rgb[3 * at + 2] = pixel.blue + pixel.light * background[2];
    alpha[at] = covered;
    depth[at] = covered > 0 ? pixel.depth / covered : infinite;
    first_hit[at] = pixel.half > 0 ? pixel.half : infinite;
}
