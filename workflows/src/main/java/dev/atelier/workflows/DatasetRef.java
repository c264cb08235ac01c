package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Optional;

/**
 * A prepared dataset in the store.
 *
 * @param sha256 of the prepared content; names the objects under {@code datasets/<sha256>/}
 * @param images number of images kept
 * @param resolution pixels per side
 * @param channels 3 for RGB
 * @param skipped number of files of images that were lost, for whatever reason
 * @param classes number of classes that the networks are conditioned on; 0: unconditional
 * @param passedOver every file of the source that was not used, by reason; empty in histories of
 *     before they were counted
 * @param captions number of captions of all images together; 0: images have none
 * @param encoded what networks see of it; absent: its pixels and classes
 */
public record DatasetRef(
    String sha256,
    int images,
    int resolution,
    int channels,
    int skipped,
    int classes,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<PassedOver> passedOver,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) int captions,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<EncodedRef> encoded) {

  /** As networks see it that work on pixels and read no texts. */
  public DatasetRef(
      String sha256,
      int images,
      int resolution,
      int channels,
      int skipped,
      int classes,
      List<PassedOver> passedOver,
      int captions) {
    this(
        sha256,
        images,
        resolution,
        channels,
        skipped,
        classes,
        passedOver,
        captions,
        Optional.empty());
  }

  /** Of images without captions. */
  public DatasetRef(
      String sha256,
      int images,
      int resolution,
      int channels,
      int skipped,
      int classes,
      List<PassedOver> passedOver) {
    this(sha256, images, resolution, channels, skipped, classes, passedOver, 0);
  }

  /** Of which nothing was passed over, without captions. */
  public DatasetRef(
      String sha256, int images, int resolution, int channels, int skipped, int classes) {
    this(sha256, images, resolution, channels, skipped, classes, List.of());
  }

  public DatasetRef {
    passedOver = passedOver == null ? List.of() : List.copyOf(passedOver);
    encoded = encoded == null ? Optional.empty() : encoded;
  }

  /** As work on its images needs it, which a history holds many times. */
  public DatasetRef withoutPassedOver() {
    return new DatasetRef(
        sha256, images, resolution, channels, skipped, classes, List.of(), captions, encoded);
  }

  /** The same as networks see it. */
  public DatasetRef seenAs(Optional<EncodedRef> other) {
    return new DatasetRef(
        sha256, images, resolution, channels, skipped, classes, passedOver, captions, other);
  }

  /** How many images were lost, and why; empty: none. */
  public Optional<String> loss() {
    List<PassedOver> lost =
        passedOver.stream().filter(files -> files.reason().losesImages()).toList();
    return lost.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "%d of %d images are lost; %s"
                .formatted(skipped, skipped + images, PassedOver.sentence(lost)));
  }
}
