package dev.atelier.dataset.image;

import java.awt.Rectangle;
import java.io.IOException;

/** A frame that covers a part of its screen, and the colour of the rest: uint8 [3]. */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Inset(Rectangle frame, byte[] background) {

  /** Reads a region, from the frame's own corner. */
  @FunctionalInterface
  interface Source {
    void read(Rectangle region, Picture.Rows rows) throws IOException;
  }

  /** Reads a region of the screen. */
  void read(Rectangle region, Source source, Picture.Rows rows) throws IOException {
    Rectangle shown = region.intersection(frame);
    byte[] row = new byte[3 * region.width];
    if (shown.isEmpty()) {
      fill(region.height, row, rows);
      return;
    }
    fill(shown.y - region.y, row, rows);
    Rectangle ofFrame = new Rectangle(shown);
    ofFrame.translate(-frame.x, -frame.y);
    source.read(
        ofFrame,
        rgb -> {
          paint(row);
          System.arraycopy(rgb, 0, row, 3 * (shown.x - region.x), rgb.length);
          rows.accept(row);
        });
    fill(region.y + region.height - shown.y - shown.height, row, rows);
  }

  private void fill(int count, byte[] row, Picture.Rows rows) {
    for (int i = 0; i < count; i++) {
      paint(row);
      rows.accept(row);
    }
  }

  private void paint(byte[] row) {
    for (int i = 0; i < row.length; i++) {
      row[i] = background[i % 3];
    }
  }
}
