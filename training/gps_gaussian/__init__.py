"""Training of GPS-Gaussian on synthetic people.

On a GPU machine, draw beforehand with all cores, then train in calls of a few minutes; each goes on where the last one
stopped, and no file of a run is larger than 15 MB:

    python -m training people-draw --people PEOPLE --out drawn --count 4000 --size 512 --workers 16
    python -m training gps-gaussian --people PEOPLE --data drawn --stage 2 --batch 4 --out run --minutes 8 \
        --schedule-minutes 40 --resume run/checkpoint.safetensors

(The first call without ``--resume``.) With several GPUs, ``torchrun --standalone --nproc-per-node gpu`` takes the
place of ``python``; see :mod:`training.distributed`.
"""
