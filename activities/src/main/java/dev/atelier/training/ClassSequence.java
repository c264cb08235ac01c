package dev.atelier.training;

import dev.atelier.spec.EvaluationSpec;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * Which class each sample is of, in proportion to shares: each image is of the class that is
 * furthest behind its share, the first of several. So the images up to any number have their
 * shares, within about one image, whatever shards and batches they are made in; equal shares give
 * each class in turn.
 */
public final class ClassSequence {

  /** Of models that are not conditioned on classes. */
  public static final ClassSequence NONE = new ClassSequence(List.of());

  private final long[] shares;
  private final long total;
  private final long[] drawn; // of each class, among the images that are known
  private int[] classes = {}; // of the first images
  private int known;

  private ClassSequence(List<Integer> shares) {
    this.shares = shares.stream().mapToLong(Integer::longValue).toArray();
    this.total = Arrays.stream(this.shares).sum();
    this.drawn = new long[this.shares.length];
  }

  /**
   * In proportion to {@code shares}.
   *
   * @param shares such as the images of each class in a dataset
   * @throws IllegalArgumentException if one is negative, or none is positive
   */
  public static ClassSequence of(List<Integer> shares) {
    if (shares.stream().anyMatch(s -> s < 0) || shares.stream().noneMatch(s -> s > 0)) {
      throw new IllegalArgumentException(
          "Classes need shares of at least 0, and one of more, found %s.".formatted(shares));
    }
    return new ClassSequence(shares);
  }

  /** As {@code wanted} of classes with so many images each in the dataset. */
  public static ClassSequence of(EvaluationSpec.Classes wanted, List<Integer> images) {
    return switch (wanted) {
      case BALANCED -> balanced(images.size());
      case DATASET -> of(images);
    };
  }

  /** Each of {@code classes} in turn; 0: none. */
  public static ClassSequence balanced(int classes) {
    return classes == 0 ? NONE : of(Collections.nCopies(classes, 1));
  }

  /** Whether there are classes at all. */
  public boolean conditional() {
    return shares.length > 0;
  }

  /** How many there are. */
  public int count() {
    return shares.length;
  }

  /** The class of an image, counted from 0. */
  public synchronized int of(long image) {
    int index = Math.toIntExact(image);
    if (index >= classes.length) {
      classes = Arrays.copyOf(classes, Math.max(index + 1, 2 * classes.length));
    }
    while (known <= index) {
      classes[known] = next();
      known++;
    }
    return classes[index];
  }

  private int next() {
    int furthest = 0;
    long most = Long.MIN_VALUE;
    for (int c = 0; c < shares.length; c++) {
      long behind = shares[c] * (known + 1L) - drawn[c] * total; // in images, times the total
      if (behind > most) {
        furthest = c;
        most = behind;
      }
    }
    drawn[furthest]++;
    return furthest;
  }
}
