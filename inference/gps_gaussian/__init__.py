"""GPS-Gaussian: two rectified views of a person to pixel-wise 3D Gaussians (Zheng et al., CVPR 2024)."""
