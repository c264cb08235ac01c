package dev.atelier.evaluation;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The features of all images of a shard, as the extractor gave them: gathered in the batches in
 * which they were sampled, shards give the figures of one pass over all images, bit for bit.
 */
public final class FeatureShard {

  private static final String OUTPUTS = "classOutputs";

  private final int images;
  private final int dimension;
  private final int classes;
  private final ClassScore.Outputs classOutputs;
  private final float[] features; // [images, D]
  private final float[] classRows; // [images, C]
  private final Optional<ClipRows> clip;
  private int seen;

  private FeatureShard(
      int images,
      int dimension,
      int classes,
      ClassScore.Outputs classOutputs,
      float[] features,
      float[] classRows,
      Optional<ClipRows> clip) {
    this.images = images;
    this.dimension = dimension;
    this.classes = classes;
    this.classOutputs = classOutputs;
    this.features = features;
    this.classRows = classRows;
    this.clip = clip;
  }

  /** A shard of {@code images} that are not there yet. */
  public FeatureShard(int images, FeatureExtractor extractor) {
    this(images, extractor, Optional.empty());
  }

  /**
   * The same with what a CLIP model tells.
   *
   * @param clip that whoever adds the images fills
   */
  FeatureShard(int images, FeatureExtractor extractor, Optional<ClipRows> clip) {
    this(
        images,
        extractor.dimension(),
        extractor.classes(),
        extractor.classOutputs(),
        new float[Math.multiplyExact(images, extractor.dimension())],
        new float[Math.multiplyExact(images, extractor.classes())],
        clip);
  }

  /** Runs the next images through {@code extractor}, the one of the constructor. */
  public void add(byte[] chw, int count, int channels, int resolution, FeatureExtractor extractor) {
    FeatureExtractor.Outputs outputs =
        classes > 0
            ? extractor.outputs(chw, count, channels, resolution)
            : new FeatureExtractor.Outputs(
                extractor.features(chw, count, channels, resolution), new float[0]);
    System.arraycopy(outputs.features(), 0, features, seen * dimension, count * dimension);
    System.arraycopy(outputs.classes(), 0, classRows, seen * classes, count * classes);
    seen += count;
  }

  /** What a CLIP model tells of the images, where there is one. */
  Optional<ClipRows> clip() {
    return clip;
  }

  /**
   * Writes a safetensors file with {@code features} [images, D], {@code classes} [images, C] and
   * what a CLIP model tells.
   *
   * @throws IllegalStateException if images are missing
   */
  public void write(Path file) throws IOException {
    if (seen != images) {
      throw new IllegalStateException(
          "A shard of %d images was announced, found %d.".formatted(images, seen));
    }
    // Sorted: the file is known by its hash.
    Map<String, HostTensor> tensors = new TreeMap<>();
    tensors.put("features", HostTensor.ofFloats(features, images, dimension));
    if (classes > 0) {
      tensors.put("classes", HostTensor.ofFloats(classRows, images, classes));
    }
    clip.ifPresent(rows -> tensors.putAll(rows.tensors()));
    SafetensorsFile.write(file, tensors, Map.of(OUTPUTS, classOutputs.name()));
  }

  /** Reads what {@link #write} wrote. */
  public static FeatureShard read(Path file) throws IOException {
    SafetensorsFile stored = SafetensorsFile.read(file);
    HostTensor features = stored.tensors().get("features");
    HostTensor classes = stored.tensors().get("classes");
    int images = (int) features.shape()[0];
    FeatureShard shard =
        new FeatureShard(
            images,
            (int) features.shape()[1],
            classes == null ? 0 : (int) classes.shape()[1],
            ClassScore.Outputs.valueOf(stored.metadata().get(OUTPUTS)),
            features.toFloats(),
            classes == null ? new float[0] : classes.toFloats(),
            ClipRows.of(stored.tensors()));
    shard.seen = images;
    return shard;
  }

  /** What gathers this shard and its neighbours: {@code all} images. */
  public FeatureAccumulator accumulator(int all, LinearAlgebra algebra) {
    return new FeatureAccumulator(all, dimension, classes, classOutputs, algebra);
  }

  /** Adds the images of this shard in batches of {@code batchSize}. */
  public void addTo(FeatureAccumulator measured, int batchSize) {
    for (int from = 0; from < images; from += batchSize) {
      int to = Math.min(images, from + batchSize);
      measured.add(
          Arrays.copyOfRange(features, from * dimension, to * dimension),
          Arrays.copyOfRange(classRows, from * classes, to * classes));
    }
  }
}
