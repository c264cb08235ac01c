package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Files of a source that a preparation did not use, for one reason.
 *
 * @param reason why
 * @param files how many; of CIFAR-10's binary files, not of their records
 * @param examples the first of their names in name order, at most {@link #MOST_EXAMPLES}
 */
public record PassedOver(Reason reason, int files, List<String> examples) {

  public static final int MOST_EXAMPLES = 5;

  /** Every reason for which a file is not used. */
  public enum Reason {
    @JsonProperty("damaged")
    DAMAGED("damaged", true),
    @JsonProperty("too-large")
    TOO_LARGE("too large for the memory", true),
    @JsonProperty("format")
    FORMAT("of a format that is not read", true),
    @JsonProperty("archive")
    ARCHIVE("archive within the source", true),
    @JsonProperty("encrypted")
    ENCRYPTED("encrypted", true),
    @JsonProperty("packing")
    PACKING("packed in a way that is not read", true),
    @JsonProperty("broken-link")
    BROKEN_LINK("link that leads nowhere", true),
    @JsonProperty("leaving-link")
    LEAVING_LINK("link that leads out of the archive", true),
    @JsonProperty("no-caption")
    NO_CAPTION("without a caption", true),
    @JsonProperty("empty-caption")
    EMPTY_CAPTION("with nothing but empty captions", true),
    @JsonProperty("no-label")
    NO_LABEL("without a class", true),
    @JsonProperty("damaged-label")
    DAMAGED_LABEL("with a class that is no number", true),
    @JsonProperty("link-cycle")
    LINK_CYCLE("link to a folder that it lies in", false),
    @JsonProperty("repeated")
    REPEATED("replaced by a later entry of its name", false),
    @JsonProperty("test-set")
    TEST_SET("CIFAR-10's test set", false),
    @JsonProperty("hidden")
    HIDDEN("hidden", false),
    @JsonProperty("no-image")
    NO_IMAGE("no image by its name", false),
    @JsonProperty("damaged-caption")
    DAMAGED_CAPTION("caption that cannot be read", false),
    @JsonProperty("caption-of-no-image")
    CAPTION_OF_NO_IMAGE("caption of no image", false),
    @JsonProperty("caption-cut")
    CAPTION_CUT("caption whose end is cut", false),
    @JsonProperty("caption-too-many")
    CAPTION_TOO_MANY("caption beyond the 64 of an image", false);

    private final String words;
    private final boolean losesImages;

    Reason(String words, boolean losesImages) {
      this.words = words;
      this.losesImages = losesImages;
    }

    /** What each of the files is, such as: encrypted. */
    public String words() {
      return words;
    }

    /** Whether images are missing that someone who looks at the source would count. */
    public boolean losesImages() {
      return losesImages;
    }
  }

  public PassedOver {
    examples = examples == null ? List.of() : List.copyOf(examples);
  }

  /** Such as: encrypted: 6 (a.png, b.png, …). */
  public String sentence() {
    return "%s: %d (%s%s)"
        .formatted(
            reason.words(),
            files,
            String.join(", ", examples),
            files > examples.size() ? ", …" : "");
  }

  /** All of {@code files} in one sentence without its end. */
  public static String sentence(List<PassedOver> files) {
    return files.stream().map(PassedOver::sentence).collect(Collectors.joining("; "));
  }
}
