package dev.atelier.training;

/** The images that a model is trained on: 8-bit, all of one size. */
public interface ImageSource {

  /** Number of images, at least 1. */
  int count();

  /**
   * Copies one image.
   *
   * @param index in [0, {@link #count})
   * @param chw destination: channels, rows, columns, as unsigned bytes
   * @param offset where the image starts in {@code chw}
   */
  void copy(int index, byte[] chw, int offset);

  /** The class of image {@code index}, from 0; 0 if the images have none. */
  default int label(int index) {
    return 0;
  }
}
