"""Events of a turn, as front ends get them."""
