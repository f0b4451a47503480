"""ConvGLR: Global Latent Neural Rendering (Tanay and Maggioni, CVPR 2024, arXiv 2312.08338)."""
