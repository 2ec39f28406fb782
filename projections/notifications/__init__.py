"""What notifications of OpenStack mean to the state. Pure, as all of projections: no I/O, no clock."""
