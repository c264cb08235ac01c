package dev.atelier.evaluation;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a CLIP model tells of images: the embedding of each, and of those with a prompt how much it
 * shows that.
 */
public final class ClipRows {

  /** The largest number of images whose embeddings are compared, evenly spread over all. */
  public static final int MOST = 30_000;

  private static final String EMBEDDINGS = "clip";
  private static final String SCORES = "clipScores";

  private final int dimension;
  private final float[] embeddings; // [images, D]
  private final float[] scores; // [images], 100 times the cosine; empty: there are no prompts
  private int seen;

  private ClipRows(int dimension, float[] embeddings, float[] scores) {
    this.dimension = dimension;
    this.embeddings = embeddings;
    this.scores = scores;
  }

  /**
   * Rows that are not there yet.
   *
   * @param dimension D, elements of an embedding
   * @param prompted whether the images have prompts
   */
  ClipRows(int images, int dimension, boolean prompted) {
    this(
        dimension,
        new float[Math.multiplyExact(images, dimension)],
        new float[prompted ? images : 0]);
  }

  /** Adds the next images: embeddings [n, D], scores [n] or none. */
  void add(float[] more, float[] moreScores) {
    System.arraycopy(more, 0, embeddings, seen * dimension, more.length);
    if (scores.length > 0) {
      System.arraycopy(moreScores, 0, scores, seen, moreScores.length);
    }
    seen += more.length / dimension;
  }

  int count() {
    return embeddings.length / dimension;
  }

  /** Scores of the images; empty: they have no prompts. */
  float[] scores() {
    return scores;
  }

  /** Rows [from, to) as a tensor [to - from, D]. */
  HostTensor tensor(int from, int to) {
    return HostTensor.ofFloats(
        Arrays.copyOfRange(embeddings, from * dimension, to * dimension), to - from, dimension);
  }

  /** The image that is the {@code kept}-th of {@code most} evenly spread over {@code images}. */
  static int spread(int kept, int most, int images) {
    return (int) ((long) kept * images / most);
  }

  /** At most {@code most} of the rows, evenly spread, without their scores. */
  ClipRows atMost(int most) {
    if (count() <= most) {
      return this;
    }
    float[] kept = new float[most * dimension];
    for (int i = 0; i < most; i++) {
      System.arraycopy(
          embeddings, spread(i, most, count()) * dimension, kept, i * dimension, dimension);
    }
    return new ClipRows(dimension, kept, new float[0]);
  }

  /** The rows of all parts, in order. */
  static ClipRows together(List<ClipRows> parts) {
    ClipRows all =
        new ClipRows(
            parts.stream().mapToInt(ClipRows::count).sum(),
            parts.get(0).dimension,
            parts.get(0).scores.length > 0);
    parts.forEach(part -> all.add(part.embeddings, part.scores));
    return all;
  }

  /** As tensors by name: [images, D], and of images with prompts [images]. */
  Map<String, HostTensor> tensors() {
    Map<String, HostTensor> tensors = new TreeMap<>(); // sorted: files are known by their hashes
    tensors.put(EMBEDDINGS, HostTensor.ofFloats(embeddings, count(), dimension));
    if (scores.length > 0) {
      tensors.put(SCORES, HostTensor.ofFloats(scores, scores.length));
    }
    return tensors;
  }

  /** What {@link #tensors} gave, if it is among these. */
  static Optional<ClipRows> of(Map<String, HostTensor> tensors) {
    return Optional.ofNullable(tensors.get(EMBEDDINGS))
        .map(
            rows ->
                new ClipRows(
                    (int) rows.shape()[1],
                    rows.toFloats(),
                    tensors.containsKey(SCORES) ? tensors.get(SCORES).toFloats() : new float[0]));
  }

  /** Writes a safetensors file of {@link #tensors}. */
  void write(Path file) throws IOException {
    SafetensorsFile.write(file, tensors(), Map.of());
  }

  /** Reads what {@link #write} wrote. */
  static ClipRows read(Path file) throws IOException {
    return of(SafetensorsFile.read(file).tensors()).orElseThrow();
  }
}
