"""The senses of Calipso: the world in, events out. Producers append; they never read projected state."""
