package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.soabase.recordbuilder.core.RecordBuilder;
import jakarta.validation.Valid;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.Optional;

/**
 * Where the images come from and how they are prepared: centre-cropped to a square, resized, RGB or
 * grey.
 *
 * <p>A source is {@link ShapesSource}, {@code cifar10}, or the path or {@code file:}, {@code
 * http(s):} or {@code s3:} URI of an image directory, an archive of images, shards of a WebDataset,
 * Parquet, LSUN's LMDB, or CIFAR-10's binary files.
 */
@RecordBuilder
public record DatasetSpec(
    @JsonPropertyDescription(
            "shapes[?count=N&seed=S&without=HUE+SHAPE,...], cifar10, or the path or the file:, http(s):"
                + " or s3: URI of an image directory, an archive of images, shards of a WebDataset (a"
                + " pattern), Parquet, LSUN's LMDB, or the binary files of CIFAR-10")
        @NotNull
        @Size(min = 1, max = 2000)
        String source,
    @JsonPropertyDescription("Only entries below this path of the source are read; empty: all")
        @NotNull
        @Size(max = 500)
        String subdirectory,
    @JsonPropertyDescription("Pixels per side after preparation") @NotNull @Min(8) @Max(512)
        Integer resolution,
    @JsonPropertyDescription("At most so many images, the first in name order, are kept")
        @NotNull
        @Min(1)
        @Max(10_000_000)
        Integer maxImages,
    @JsonPropertyDescription("Channels of the images: 3 for RGB, 1 for grey")
        @NotNull
        @Min(1)
        @Max(3)
        Integer channels,
    @JsonPropertyDescription(
            "Whether the networks learn which class an image is of: the number in the .cls beside it,"
                + " its first folder, the label of CIFAR-10, or the kind of shape")
        @NotNull
        Boolean classConditional,
    @JsonPropertyDescription(
            "Whether images are turned as their EXIF says; those of TIFF always are")
        @NotNull
        ExifOrientation exifOrientation,
    @JsonPropertyDescription(
            "Share of the images that may be lost, damaged or encrypted ones say; with more of them the dataset is refused")
        @NotNull
        @DecimalMin("0")
        @DecimalMax("1")
        Double maxLostShare,
    @JsonPropertyDescription(
            "The captions that the networks learn to paint from; absent: none are read. Without a source they lie beside the images: metadata.jsonl, a .txt of the same name, the annotations of COCO, a column of a table, or the words of shapes")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT) // equal specs of earlier versions stay equal
        Optional<@Valid CaptionsSpec> captions) {

  /** Where the captions of images come from. */
  public record CaptionsSpec(
      @JsonPropertyDescription(
              "Path or URI of the annotations of COCO (.json), of a metadata.jsonl, or of a table with a column file_name (.parquet, .csv); absent: they lie beside the images")
          @NotNull
          @JsonInclude(JsonInclude.Include.NON_ABSENT)
          Optional<@Size(min = 1, max = 2000) String> source,
      @JsonPropertyDescription(
              "Field or column that has them; absent: text, caption or captions, whichever there is")
          @NotNull
          @JsonInclude(JsonInclude.Include.NON_ABSENT)
          Optional<@Size(min = 1, max = 200) String> column) {

    public CaptionsSpec {
      source = source == null ? Optional.empty() : source;
      column = column == null ? Optional.empty() : column;
    }
  }

  /** What is done with an orientation that an image's EXIF names. */
  public enum ExifOrientation {
    @JsonProperty("ignored")
    IGNORED, // as torchvision and pytorch-fid do
    @JsonProperty("applied")
    APPLIED // as cameras and browsers show it
  }

  /** RGB, without classes, as stored. */
  public DatasetSpec(String source, String subdirectory, Integer resolution, Integer maxImages) {
    this(source, subdirectory, resolution, maxImages, null, null);
  }

  /** As stored, with the usual share of images that may be lost. */
  public DatasetSpec(
      String source,
      String subdirectory,
      Integer resolution,
      Integer maxImages,
      Integer channels,
      Boolean classConditional) {
    this(source, subdirectory, resolution, maxImages, channels, classConditional, null, null);
  }

  /** Without captions. */
  public DatasetSpec(
      String source,
      String subdirectory,
      Integer resolution,
      Integer maxImages,
      Integer channels,
      Boolean classConditional,
      ExifOrientation exifOrientation,
      Double maxLostShare) {
    this(
        source,
        subdirectory,
        resolution,
        maxImages,
        channels,
        classConditional,
        exifOrientation,
        maxLostShare,
        Optional.empty());
  }

  public DatasetSpec {
    source = source == null ? "shapes" : source;
    subdirectory = subdirectory == null ? "" : subdirectory;
    resolution = resolution == null ? 32 : resolution;
    maxImages = maxImages == null ? 10_000_000 : maxImages;
    channels = channels == null ? 3 : channels;
    classConditional = classConditional == null ? Boolean.FALSE : classConditional;
    exifOrientation = exifOrientation == null ? ExifOrientation.IGNORED : exifOrientation;
    maxLostShare = maxLostShare == null ? 0.1 : maxLostShare;
    captions = captions == null ? Optional.empty() : captions;
  }
}
