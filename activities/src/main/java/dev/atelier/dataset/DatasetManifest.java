package dev.atelier.dataset;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.atelier.workflows.PassedOver;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a prepared dataset holds.
 *
 * @param sha256 hash of format version, resolution, channels, all pixels, and the classes, labels
 *     and captions where there are any; not of names or shards
 * @param resolution pixels per side
 * @param images images in all shards together
 * @param skipped files of images that were lost, for whatever reason
 * @param skippedNames some of them, see {@code passedOver}
 * @param source where the images came from, without credentials
 * @param classes in the order of their labels; empty: the images have no labels
 * @param labels the file with one label per image, each the index of its class as uint16,
 *     little-endian; empty as {@code classes} is
 * @param passedOver every file of the source that was not used, by reason
 * @param captions the file with one line per image, a JSON array of its captions; empty: images
 *     have none
 * @param captionCount of all images together
 */
@RecordBuilder
public record DatasetManifest(
    int formatVersion,
    String sha256,
    int resolution,
    int channels,
    int images,
    List<Shard> shards,
    int skipped,
    List<String> skippedNames,
    String source,
    List<ImageClass> classes,
    List<Shard> labels,
    List<PassedOver> passedOver,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Shard> captions,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) int captionCount) {

  public static final String FILE_NAME = "manifest.json";
  public static final int FORMAT_VERSION = 1;

  private static final JsonMapper JSON = new JsonMapper();

  /** A file of {@code images} uint8 images [C, H, W], one after the other. */
  public record Shard(String name, int images, long bytes, String sha256) {}

  /** A class and how many images it has. */
  public record ImageClass(String name, int images) {}

  /** Of a source of which {@code passedOver} was not used. */
  DatasetManifest(
      int formatVersion,
      String sha256,
      int resolution,
      int channels,
      int images,
      List<Shard> shards,
      List<PassedOver> passedOver,
      String source,
      List<ImageClass> classes,
      List<Shard> labels,
      List<Shard> captions,
      int captionCount) {
    this(
        formatVersion,
        sha256,
        resolution,
        channels,
        images,
        shards,
        lost(passedOver).mapToInt(PassedOver::files).sum(),
        lost(passedOver).flatMap(files -> files.examples().stream()).toList(),
        source,
        classes,
        labels,
        passedOver,
        captions,
        captionCount);
  }

  private static Stream<PassedOver> lost(List<PassedOver> files) {
    return files.stream().filter(some -> some.reason().losesImages());
  }

  public DatasetManifest {
    shards = shards == null ? List.of() : List.copyOf(shards);
    skippedNames = skippedNames == null ? List.of() : List.copyOf(skippedNames);
    classes = classes == null ? List.of() : List.copyOf(classes); // absent before there were labels
    labels = labels == null ? List.of() : List.copyOf(labels);
    passedOver = passedOver == null ? List.of() : List.copyOf(passedOver);
    captions = captions == null ? List.of() : List.copyOf(captions);
  }

  /** Shards, labels and captions. */
  public List<Shard> files() {
    return Stream.of(shards, labels, captions).flatMap(List::stream).toList();
  }

  /** Throws {@link DatasetException} when the text is no manifest of this format version. */
  public static DatasetManifest read(byte[] json) {
    DatasetManifest manifest;
    try {
      manifest = JSON.readValue(json, DatasetManifest.class);
    } catch (IOException e) {
      throw new DatasetException(
          DatasetException.Kind.CORRUPT,
          "Cannot read the dataset manifest: it is not JSON of the expected fields.",
          e);
    }
    if (manifest == null || manifest.formatVersion != FORMAT_VERSION) {
      throw new DatasetException(
          DatasetException.Kind.CORRUPT,
          "Cannot read the dataset manifest: expected format version %d, found %s."
              .formatted(FORMAT_VERSION, manifest == null ? "nothing" : manifest.formatVersion));
    }
    return manifest;
  }

  public byte[] toJson() {
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // a record of strings and numbers always has a JSON form
    }
  }
}
