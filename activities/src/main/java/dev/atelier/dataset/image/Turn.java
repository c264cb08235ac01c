package dev.atelier.dataset.image;

/**
 * The eight ways to show a stored picture, as EXIF and TIFF number them from 1.
 *
 * <p>The stored picture is mirrored left to right and top to bottom where named, then its rows
 * become columns where named.
 */
enum Turn {
  NONE(false, false, false),
  MIRRORED(true, false, false),
  UPSIDE_DOWN(true, true, false),
  FLIPPED(false, true, false),
  TRANSPOSED(false, false, true),
  CLOCKWISE(false, true, true),
  TRANSVERSED(true, true, true),
  COUNTERCLOCKWISE(true, false, true);

  private final boolean mirrorsColumns;
  private final boolean mirrorsRows;
  private final boolean transposes;

  Turn(boolean mirrorsColumns, boolean mirrorsRows, boolean transposes) {
    this.mirrorsColumns = mirrorsColumns;
    this.mirrorsRows = mirrorsRows;
    this.transposes = transposes;
  }

  /** The turn of a file's number; any other number means none, as it does for Pillow. */
  static Turn of(int number) {
    return number >= 1 && number <= values().length ? values()[number - 1] : NONE;
  }

  boolean mirrorsColumns() {
    return mirrorsColumns;
  }

  boolean mirrorsRows() {
    return mirrorsRows;
  }

  boolean transposes() {
    return transposes;
  }
}
