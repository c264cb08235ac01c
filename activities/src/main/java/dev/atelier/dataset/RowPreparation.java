package dev.atelier.dataset;

import dev.atelier.dataset.SourceFiles.Entry;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpec.CaptionsSpec;
import dev.atelier.workflows.PassedOver.Reason;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Prepares sources whose images are all rows of tables, in one pass: no row's name or bytes are
 * held after it, so that memory is that of some rows and of a few numbers an image, however many
 * there are.
 */
final class RowPreparation {

  private final DatasetSpec spec;
  private final SourceGuard guard;
  private final PassedOverFiles passedOver;
  private final PreparationListener listener;

  /** Counts in {@code passedOver} the rows that are not used. */
  RowPreparation(
      DatasetSpec spec,
      SourceGuard guard,
      PassedOverFiles passedOver,
      PreparationListener listener) {
    this.spec = spec;
    this.guard = guard;
    this.passedOver = passedOver;
    this.listener = listener;
  }

  /** Images of tables, and the captions in their slots, if any are asked for. */
  interface Prepared {
    /** Called once, before both are closed. */
    DatasetManifest pack(PackedShards images, Optional<CaptionSlots> captions) throws IOException;
  }

  /**
   * Reads the rows of each table, in name order.
   *
   * @param tables by their names in the source
   * @param packing makes a dataset of what was read
   */
  DatasetManifest prepare(
      SortedMap<String, Path> tables, Path directory, Extent extent, Prepared packing)
      throws IOException {
    int slots = (int) Math.min(count(tables), spec.maxImages());
    listener.onProgress("found %d images".formatted(slots));
    try (PackedShards shards =
            new PackedShards(directory, slots, spec.resolution(), spec.channels(), listener);
        CaptionSlots captions =
            new CaptionSlots(directory, spec.captions().isPresent() ? slots : 0);
        DecodingPool pool = new DecodingPool(listener, "decoded", slots)) {
      Reading reading =
          new Reading(
              slots,
              new ImageDecoding(spec, shards, pool, passedOver, listener),
              new CaptionSink(captions, passedOver),
              extent);
      for (Map.Entry<String, Path> table : tables.entrySet()) {
        if (reading.slot < slots) {
          String folder = ImageNames.folder(table.getKey());
          SourceFiles rows = Tables.rows(table.getValue(), guard, Tables.Names.STREAMED);
          rows.forEach(folder.isEmpty() ? reading : Tables.below(folder + "/", reading));
          reading.end();
        }
      }
      listener.onRead("");
      pool.await();
      return packing.pack(shards, spec.captions().map(asked -> captions));
    }
  }

  private long count(SortedMap<String, Path> tables) throws IOException {
    long rows = 0;
    for (Path table : tables.values()) {
      rows += Tables.count(table);
    }
    return rows;
  }

  /** Sees an image's row, and the captions of it behind it. */
  private final class Reading implements SourceFiles.Visitor {
    private final int slots;
    private final ImageDecoding decoding;
    private final CaptionSink captions;
    private final Extent extent;
    private int slot; // of the next image
    private boolean anyCaptions;
    private Optional<String> image = Optional.empty(); // which waits for its captions
    private byte[] bytes = {};

    Reading(int slots, ImageDecoding decoding, CaptionSink captions, Extent extent) {
      this.slots = slots;
      this.decoding = decoding;
      this.captions = captions;
      this.extent = extent;
    }

    @Override
    public void visit(Entry entry, SourceFiles.Content content) throws IOException {
      DatasetPreparation.stopIfInterrupted();
      if (Tables.areCaptions(entry.name())) {
        if (spec.captions().isPresent() && image.isPresent()) {
          anyCaptions = true;
          try (InputStream in = content.open()) {
            CaptionFiles.readObject(
                entry.name(), in, spec.captions().flatMap(CaptionsSpec::column), slot, captions);
          }
        }
        return;
      }
      end();
      if (slot < slots) {
        listener.onRead(EntryName.shown(entry.name()));
        image = Optional.of(entry.name());
        try (InputStream in = content.open()) {
          bytes = in.readAllBytes();
        }
      }
    }

    /** Decodes the image at hand, whose captions have been read. */
    void end() throws IOException {
      if (image.isEmpty()) {
        return;
      }
      if (spec.captions().isPresent() && !anyCaptions && extent == Extent.WHOLE) {
        throw CaptionFiles.none();
      }
      String name = image.get();
      Optional<Reason> lack = spec.captions().isPresent() ? captions.lack(slot) : Optional.empty();
      if (lack.isPresent()) {
        passedOver.add(lack.get(), name);
      } else {
        decoding.decode(
            List.of(new ImageFile(name, false, slot, 1, 0)),
            bytes.length,
            new ByteArrayInputStream(bytes));
      }
      image = Optional.empty();
      slot++;
    }
  }

  /**
   * The tables of a source by their names in it; empty: it has images elsewhere too, or is none.
   *
   * @param others counts its other files
   */
  static Optional<SortedMap<String, Path>> tables(
      Path path, SourceGuard guard, PassedOverFiles others) throws IOException {
    SortedMap<String, Path> tables = new TreeMap<>();
    for (Path file : Tables.tables(path)) {
      String name =
          Files.isDirectory(path)
              ? EntryName.of(path.relativize(file))
              : EntryName.of(file.getFileName());
      tables.put(name, file);
    }
    if (tables.isEmpty()) {
      return Optional.empty();
    }
    if (!Files.isDirectory(path)) {
      for (Path file : tables.values()) {
        if (Files.isSymbolicLink(file)) {
          guard.requireRealPath(file);
        }
      }
      return tables.size() == DatasetPreparation.shards(path).size()
          ? Optional.of(tables)
          : Optional.empty();
    }
    SourceListing listing =
        SourceListing.of(
            SourceFiles.listed(path, guard), guard.limits(), DatasetPreparation::stopIfInterrupted);
    PassedOverFiles found = new PassedOverFiles();
    for (SourceListing.Found file : listing.found()) {
      Optional<Reason> reason = DatasetPreparation.reason(file.name());
      boolean isTable = tables.containsKey(file.name());
      if (isTable ? reason.equals(Optional.of(Reason.HIDDEN)) : reason.isEmpty()) {
        return Optional.empty();
      }
      if (!isTable) {
        found.add(reason.get(), file.name());
      }
    }
    if (!listing.lost().isEmpty() || found.lostCount() > 0) {
      return Optional.empty();
    }
    found.all().forEach(others::add);
    return Optional.of(tables);
  }
}
