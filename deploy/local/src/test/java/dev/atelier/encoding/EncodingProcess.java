package dev.atelier.encoding;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.artifacts.StoredEncodings;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.PackedImages;
import dev.atelier.dataset.PreparedDataset;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.pipeline.Parts;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpec.CaptionsSpec;
import dev.atelier.store.S3ServerProcess;
import dev.atelier.store.SuddenDeath;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.work.UnendedScope;
import dev.atelier.workflows.ObjectRef;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * A program that encodes a captioned dataset into a real S3 server, as a worker does. It writes
 * what it does, line by line, into a log.
 */
final class EncodingProcess {

  static final int IMAGES = 24;
  static final int IMAGES_PER_SHARD = 3;

  private static final int SIDE = 16;
  // Mean and deviation of an image and its mirror image, of 4 channels at half the resolution.
  private static final long SHARD_BYTES = IMAGES_PER_SHARD * 4L * 4 * (SIDE / 2) * (SIDE / 2) * 2;

  private final FileChannel log;
  private final Path work;
  private final String lastLine;
  private final long delayMicros;
  private final SuddenDeath death;

  private EncodingProcess(Path log, Path work, String lastLine, long delayMicros)
      throws IOException {
    this.log = FileChannel.open(log, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    this.work = work;
    this.lastLine = lastLine;
    this.delayMicros = delayMicros;
    this.death = new SuddenDeath();
  }

  /**
   * Encodes into the server {@code args[0]}, below the dataset {@code args[1]}, and dies {@code
   * args[6]} microseconds after the line {@code args[5]} of its log.
   */
  public static void main(String[] args) throws Exception {
    Libtorch.useThreads(1);
    Path work = Files.createTempDirectory(Path.of(args[3]), "process-");
    new EncodingProcess(Path.of(args[2]), work, args[5], Long.parseLong(args[6]))
        .run(args[0], args[1], Path.of(args[4]));
    System.exit(0); // connections that are kept alive would hold the process for a while
  }

  private void run(String endpoint, String dataset, Path pipeline) throws IOException {
    ObjectStore store = S3ServerProcess.storeAt(endpoint);
    EncodedStore shards =
        new StoredEncodings(store, new ArtifactCache(work.resolve("cache"), store)).of(dataset);
    Parts parts = Parts.read(pipeline, true, true, Optional.empty());
    PackedImages images = images();
    DatasetEncoding encoding =
        new DatasetEncoding(
            new Observed(shards),
            "cpu",
            new UnendedScope(work, doing -> say("encoding " + doing)),
            SHARD_BYTES);
    var unusedLatents = encoding.latents(images, parts.autoencoder().orElseThrow(), true, "inputs");
    var unusedTexts =
        encoding.texts(
            images.count(),
            i -> images.captions(i).subList(0, 1),
            parts.texts().orElseThrow(),
            "inputs");
    say("done");
  }

  private PackedImages images() throws IOException {
    PreparedDataset prepared =
        new DatasetPreparation(
                work,
                object -> {
                  throw new IOException("no object is read");
                },
                sentence -> {})
            .prepare(
                new DatasetSpec(
                    "shapes?count=%d&seed=3".formatted(IMAGES),
                    "",
                    SIDE,
                    null,
                    3,
                    false,
                    null,
                    null,
                    Optional.of(new CaptionsSpec(Optional.empty(), Optional.empty()))),
                work.resolve("images"));
    return PackedImages.open(
        prepared.manifest(),
        files(prepared, prepared.manifest().shards().stream().map(s -> s.name())),
        List.of(),
        files(prepared, prepared.manifest().captions().stream().map(s -> s.name())));
  }

  private static List<Path> files(PreparedDataset prepared, Stream<String> names) {
    return names.map(prepared.directory()::resolve).toList();
  }

  private void say(String line) {
    try {
      // A write survives the process; only the machine's end would lose it.
      log.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (line.equals(lastLine)) {
      dieSoon();
    }
  }

  private void dieSoon() {
    if (delayMicros == 0) {
      death.now();
    }
    Thread thread =
        new Thread(
            () -> {
              LockSupport.parkNanos(delayMicros * 1000);
              death.now();
            });
    thread.setDaemon(true);
    thread.start();
  }

  /** The store, which says what it keeps. */
  private final class Observed implements EncodedStore {
    private final EncodedStore store;

    Observed(EncodedStore store) {
      this.store = store;
    }

    @Override
    public Optional<ObjectRef> find(String inputs, String kind, int index) {
      return store.find(inputs, kind, index);
    }

    @Override
    public ObjectRef keep(String inputs, String kind, int index, Path file) {
      say("keeping %s %d".formatted(kind, index));
      ObjectRef kept = store.keep(inputs, kind, index, file);
      say("kept %s %d".formatted(kind, index));
      return kept;
    }

    @Override
    public ObjectRef keepManifest(String inputs, String kind, byte[] json) {
      return store.keepManifest(inputs, kind, json);
    }
  }
}
