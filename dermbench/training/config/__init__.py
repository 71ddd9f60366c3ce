"""What a run is to compute, on which device, in how many processes and with which seed."""
