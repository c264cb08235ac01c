package dev.atelier.dataset;

import java.util.HashMap;
import java.util.Map;

/** The images of a source by their names, as captions may name them. */
final class ImageNames {

  /** An image of the source that is not among those that are kept. */
  static final int NOT_KEPT = -1;

  static final int UNKNOWN = -2;

  private static final String SEVERAL = "/"; // no image has this name

  private final Map<String, Integer> slots = new HashMap<>();
  private final Map<String, String> byBaseName = new HashMap<>();
  private final Map<String, String> byStem = new HashMap<>();

  /** Adds an image that is not kept unless {@link #keep} says so. */
  void add(String name) {
    slots.put(name, NOT_KEPT);
    byBaseName.merge(baseName(name), name, (one, other) -> SEVERAL);
    byStem.putIfAbsent(stem(name), name);
  }

  /** Gives an image that was added its slot. */
  void keep(String name, int slot) {
    slots.put(name, slot);
  }

  /** The image that a file in {@code folder} calls {@code name}. */
  int slot(String folder, String name) {
    String normal = EntryName.normal(name);
    Integer beside = slots.get(folder.isEmpty() ? normal : folder + "/" + normal);
    if (beside != null) {
      return beside;
    }
    Integer fromRoot = slots.get(normal);
    if (fromRoot != null) {
      return fromRoot;
    }
    // Annotations that lie elsewhere name files without their folder.
    return normal.indexOf('/') < 0 ? slotOf(byBaseName.get(normal)) : UNKNOWN;
  }

  /** The image whose name differs from this one's in what follows the last dot alone. */
  int slotOfStem(String name) {
    return slotOf(byStem.get(stem(name)));
  }

  private int slotOf(String name) {
    return slots.getOrDefault(name, UNKNOWN);
  }

  static String folder(String name) {
    return name.substring(0, Math.max(0, name.lastIndexOf('/')));
  }

  static String baseName(String name) {
    return name.substring(name.lastIndexOf('/') + 1);
  }

  private static String stem(String name) {
    int dot = name.lastIndexOf('.');
    return dot > name.lastIndexOf('/') ? name.substring(0, dot) : name;
  }
}
