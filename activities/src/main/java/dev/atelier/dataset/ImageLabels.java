package dev.atelier.dataset;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The classes that files beside images name, as WebDataset has them: {@code KEY.cls} with a number
 * in decimal digits.
 */
final class ImageLabels {

  static final int NONE = -1;
  static final int DAMAGED = -2;

  /** Of the names of classes: that of their numbers. */
  static final Comparator<String> ORDER =
      Comparator.comparing(String::length).thenComparing(Comparator.naturalOrder());

  private static final String SUFFIX = ".cls";
  private static final int MOST_BYTES = 64; // a number, and blanks around it
  private static final Pattern NUMBER = Pattern.compile("\\+?0*(\\d{1,9})");

  private final int[] numbers; // by slot

  private ImageLabels(int[] numbers) {
    this.numbers = numbers;
  }

  /** Whether a file names a class by its own name. */
  static boolean isNamed(String name) {
    return name.toLowerCase(Locale.ROOT).endsWith(SUFFIX);
  }

  /** Those of {@code names} that lie beside an image. */
  static Set<String> among(Collection<String> names, ImageNames images) {
    return names.stream()
        .filter(name -> isNamed(name) && images.slotOfStem(name) != ImageNames.UNKNOWN)
        .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * Reads the files.
   *
   * @param names of them, see {@link #among}
   * @param slots of all images that are kept
   */
  static ImageLabels read(SourceFiles files, Set<String> names, ImageNames images, int slots)
      throws IOException {
    int[] numbers = new int[slots];
    Arrays.fill(numbers, NONE);
    files.forEach(
        (entry, content) -> {
          if (entry instanceof SourceFiles.Entry.File && names.contains(entry.name())) {
            int slot = images.slotOfStem(entry.name());
            if (slot >= 0) {
              try (InputStream in = content.open()) {
                numbers[slot] = number(in.readNBytes(MOST_BYTES + 1));
              }
            }
          }
        });
    return new ImageLabels(numbers);
  }

  private static int number(byte[] text) {
    Matcher number =
        NUMBER.matcher(new String(text, StandardCharsets.UTF_8).replace("\uFEFF", "").strip());
    return text.length <= MOST_BYTES && number.matches()
        ? Integer.parseInt(number.group(1))
        : DAMAGED;
  }

  /** The number of an image's class, {@link #NONE} or {@link #DAMAGED}. */
  int of(int slot) {
    return numbers[slot];
  }

  /**
   * The numbers that there are, rising: the place of each is its label.
   *
   * @throws DatasetException if labels have no room for them
   */
  int[] classes() {
    Set<Integer> classes = new TreeSet<>();
    IntStream.of(numbers).filter(number -> number >= 0).forEach(classes::add);
    requireFits(classes.size());
    return classes.stream().mapToInt(Integer::intValue).toArray();
  }

  static void requireFits(int classes) {
    if (classes > ImageClasses.MOST) {
      throw new DatasetException(
          DatasetException.Kind.CORRUPT,
          "dataset.classConditional takes at most %d classes, found %d in the .cls of images."
              .formatted(ImageClasses.MOST, classes));
    }
  }
}
