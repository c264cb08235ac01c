package dev.atelier.training;

import dev.atelier.diffusion.SeededRandom;
import java.util.Optional;

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

  /** What networks see in place of pixels; empty: they see these. */
  default Optional<Latents> latents() {
    return Optional.empty();
  }

  /** What networks read of the captions; empty: they read none. */
  default Optional<CaptionTexts> texts() {
    return Optional.empty();
  }

  /** What an autoencoder makes of images: a normal distribution of latents for each. */
  interface Latents {

    /**
     * Draws the latents of image {@code index}, scaled as networks see them.
     *
     * @param mirrored of its mirror image
     * @param draws for their noise
     * @param x0 destination: channels, rows, columns
     * @param offset where they start in {@code x0}
     */
    void draw(int index, boolean mirrored, SeededRandom.Stream draws, float[] x0, int offset);
  }

  /** What a text encoder makes of captions, [tokens, width] each. */
  interface CaptionTexts {

    /** Tokens of each text. */
    int tokens();

    /** Channels of each token. */
    int width();

    /** How many captions image {@code index} has, at least 1. */
    int captions(int index);

    /**
     * Copies the embedding of a caption.
     *
     * @param caption in [0, {@link #captions})
     */
    void read(int index, int caption, float[] context, int offset);

    /** Copies the embedding of the empty text, which stands for none. */
    void readEmpty(float[] context, int offset);
  }
}
