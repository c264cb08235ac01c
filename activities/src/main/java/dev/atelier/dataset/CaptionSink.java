package dev.atelier.dataset;

import dev.atelier.workflows.PassedOver.Reason;
import java.util.BitSet;
import java.util.Optional;

/** Takes captions as they are read, and counts those that are of no use. */
final class CaptionSink {

  private final CaptionSlots slots;
  private final PassedOverFiles passedOver;
  private final BitSet empty = new BitSet();

  CaptionSink(CaptionSlots slots, PassedOverFiles passedOver) {
    this.slots = slots;
    this.passedOver = passedOver;
  }

  /**
   * Takes a caption.
   *
   * @param slot of its image, see {@link ImageNames}
   * @param from what examples call it
   */
  void add(int slot, String caption, String from) {
    if (slot == ImageNames.UNKNOWN) {
      passedOver.add(Reason.CAPTION_OF_NO_IMAGE, from);
    } else if (slot != ImageNames.NOT_KEPT) {
      Optional<String> clean = CaptionLine.clean(caption);
      if (clean.isEmpty()) {
        empty.set(slot);
      } else if (!slots.add(slot, clean.get())) {
        tooMany(slot, from);
      } else if (CaptionLine.isCut(caption)) {
        passedOver.add(Reason.CAPTION_CUT, from);
      }
    }
  }

  /** Counts a caption beyond {@link CaptionLine#MOST_CAPTIONS} of an image. */
  void tooMany(int slot, String from) {
    if (slot >= 0) {
      passedOver.add(Reason.CAPTION_TOO_MANY, from);
    }
  }

  /** Counts what is no caption though it stands in the place of one. */
  void damaged(String from) {
    passedOver.add(Reason.DAMAGED_CAPTION, from);
  }

  /** Why the image of a slot has none; empty: it has some. */
  Optional<Reason> lack(int slot) {
    if (slots.has(slot)) {
      return Optional.empty();
    }
    return Optional.of(empty.get(slot) ? Reason.EMPTY_CAPTION : Reason.NO_CAPTION);
  }

  CaptionSlots slots() {
    return slots;
  }
}
