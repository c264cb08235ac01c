package dev.atelier.dataset;

/** A file of a source: one image of a class, or {@code images} CIFAR-10 records. */
record ImageFile(String name, boolean cifar, int firstSlot, int images, int label) {

  static final int LABEL_OF_RECORD = -1;

  ImageFile labelled(int other) {
    return new ImageFile(name, cifar, firstSlot, images, other);
  }
}
