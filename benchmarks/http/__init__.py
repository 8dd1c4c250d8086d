"""The service beside other ways to serve a convolution: the same requests, one load generator, one run."""
