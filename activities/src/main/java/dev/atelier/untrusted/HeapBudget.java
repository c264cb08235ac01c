package dev.atelier.untrusted;

/** How much of this process's heap the content of one file of a user's may take. */
public final class HeapBudget {

  private static final int NAME_BYTES = 1024; // of an entry in the list of an archive's images
  private static final int HELD_PER_BYTE = 16; // a zip's shortest entry: 46 bytes, 700 on the heap

  private HeapBudget() {}

  /** Bytes for the content of one file: an eighth of the heap. */
  public static long contentBytes() {
    return Runtime.getRuntime().maxMemory() / 8;
  }

  /** Entries of an archive whose list fits a half of the heap. */
  public static long archiveEntries() {
    return Runtime.getRuntime().maxMemory() / 2 / NAME_BYTES;
  }

  /** Bytes of a zip's directory that fits a half of the heap once it is loaded. */
  public static long zipDirectoryBytes() {
    return Runtime.getRuntime().maxMemory() / 2 / HELD_PER_BYTE;
  }
}
