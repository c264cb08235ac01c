package dev.atelier.evaluation;

import dev.atelier.network.tensors.HostTensor;
import java.util.Arrays;

/**
 * Features of single images, evenly spread over those that were measured: all of them up to {@link
 * #MOST}, so that memory stays bounded.
 */
public final class FeatureRows {

  /** The largest number of images whose features are kept. */
  public static final int MOST = 10_000;

  private final float[] values; // [count, dimension]
  private final int dimension;

  FeatureRows(float[] values, int dimension) {
    this.values = values;
    this.dimension = dimension;
  }

  public int count() {
    return values.length / dimension;
  }

  /** D. */
  public int dimension() {
    return dimension;
  }

  /** Rows [from, to) as a tensor [to - from, D]. */
  HostTensor tensor(int from, int to) {
    return HostTensor.ofFloats(
        Arrays.copyOfRange(values, from * dimension, to * dimension), to - from, dimension);
  }

  /** All rows: a tensor [count, D]. */
  HostTensor tensor() {
    return HostTensor.ofFloats(values, count(), dimension);
  }

  /** The rows of these indices, in their order: a tensor [n, D]. */
  HostTensor tensor(int[] indices, int n) {
    float[] chosen = new float[n * dimension];
    for (int i = 0; i < n; i++) {
      System.arraycopy(values, indices[i] * dimension, chosen, i * dimension, dimension);
    }
    return HostTensor.ofFloats(chosen, n, dimension);
  }
}
