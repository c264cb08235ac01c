package dev.atelier.dataset;

import java.io.IOException;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * The classes of image files: the folder that follows what all their names have in common, or the
 * ten of CIFAR-10 for its binary files, whose records carry labels.
 *
 * @param names sorted; empty: there are no classes
 * @param prefix what every name starts with before its class
 */
record ImageClasses(List<String> names, String prefix) {

  static final ImageClasses NONE = new ImageClasses(List.of(), "");
  static final int MOST = 1 << 16; // labels are uint16

  /** The order of the records' labels. */
  static final List<String> CIFAR10 =
      List.of(
          "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");

  ImageClasses {
    names = List.copyOf(names);
  }

  /**
   * Finds the classes of {@code files}.
   *
   * @throws IOException if they are not in at least two folders
   */
  static ImageClasses of(List<String> files, Predicate<String> isCifar) throws IOException {
    long cifar = files.stream().filter(isCifar).count();
    if (cifar > 0) {
      if (cifar < files.size()) {
        throw new IOException(
            "dataset.classConditional needs either CIFAR-10 binary files or folders of images, found both.");
      }
      return new ImageClasses(CIFAR10, "");
    }
    if (files.isEmpty()) {
      return NONE;
    }
    String prefix = commonFolders(files);
    Set<String> names = new TreeSet<>();
    Set<String> loose = new HashSet<>();
    for (String file : files) {
      int slash = file.indexOf('/', prefix.length());
      if (slash < 0) {
        loose.add(file);
      } else {
        names.add(file.substring(prefix.length(), slash));
      }
    }
    if (!loose.isEmpty() || names.size() < 2 || names.size() > MOST) {
      throw new IOException(
          "dataset.classConditional needs each image in the folder of its class, 2 to %d of them, found %d folders and %d images outside of them."
              .formatted(MOST, names.size(), loose.size()));
    }
    return new ImageClasses(List.copyOf(names), prefix);
  }

  private static String commonFolders(List<String> files) {
    String prefix = files.get(0).substring(0, files.get(0).lastIndexOf('/') + 1);
    for (String file : files) {
      while (!file.startsWith(prefix)) {
        prefix = prefix.substring(0, prefix.lastIndexOf('/', prefix.length() - 2) + 1);
      }
    }
    return prefix;
  }

  /** Index of the class of {@code file}; 0 if there are no classes, or its records carry them. */
  int labelOf(String file) {
    int slash = file.indexOf('/', prefix.length());
    return names.isEmpty() || slash < 0
        ? 0
        : Math.max(0, Collections.binarySearch(names, file.substring(prefix.length(), slash)));
  }
}
