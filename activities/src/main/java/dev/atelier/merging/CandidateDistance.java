package dev.atelier.merging;

import java.io.IOException;

/** The Fréchet distance of the images that a candidate makes: what a search minimises. */
@FunctionalInterface
public interface CandidateDistance<C> {
  double of(C candidate) throws IOException;
}
