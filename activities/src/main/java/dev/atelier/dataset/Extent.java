package dev.atelier.dataset;

/** How much of a dataset one preparation sees. */
public enum Extent {
  WHOLE,
  /** Others are joined to it: it may hold no image, and not each class. */
  PART
}
