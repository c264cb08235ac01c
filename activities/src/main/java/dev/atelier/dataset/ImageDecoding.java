package dev.atelier.dataset;

import dev.atelier.dataset.image.DecodingMemory;
import dev.atelier.dataset.image.ImageDecoder;
import dev.atelier.dataset.image.NoDecoderException;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.workflows.PassedOver.Reason;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;

/** Decodes files into the slots of their images, on all cores and in bounded memory. */
final class ImageDecoding {

  private static final int CIFAR_SIDE = 32;
  static final int CIFAR_RECORD_BYTES = 1 + 3 * CIFAR_SIDE * CIFAR_SIDE; // label, pixels
  private static final int CIFAR_RECORDS_PER_TASK = 500;
  private static final int MAX_IMAGE_FILE_BYTES = 192 << 20;

  private final ImageDecoder decoder;
  private final PackedShards shards;
  private final DecodingPool pool;
  private final PassedOverFiles passedOver;
  private final PreparationListener listener;

  /** Counts in {@code passedOver} what cannot be decoded. */
  ImageDecoding(
      DatasetSpec spec,
      PackedShards shards,
      DecodingPool pool,
      PassedOverFiles passedOver,
      PreparationListener listener) {
    this.decoder = new ImageDecoder(spec.resolution(), spec.exifOrientation());
    this.shards = shards;
    this.pool = pool;
    this.passedOver = passedOver;
    this.listener = listener;
  }

  /**
   * Decodes a file into the slots of the images that it is.
   *
   * @param images several where links give the file further names
   * @param sizeBytes of the file, or -1 where unknown
   */
  void decode(List<ImageFile> images, long sizeBytes, InputStream in) throws IOException {
    if (images.size() == 1 && images.get(0).cifar()) {
      decodeCifar(images.get(0), in);
      return;
    }
    long limit = Math.min(MAX_IMAGE_FILE_BYTES, Runtime.getRuntime().maxMemory() / 3);
    if (sizeBytes > limit) {
      images.forEach(image -> passedOver.add(Reason.TOO_LARGE, image.name()));
      return;
    }
    DecodingMemory.Claim held = pool.claim(sizeBytes < 0 ? limit : sizeBytes);
    byte[] bytes;
    try {
      bytes = content(in, sizeBytes, limit);
      if (bytes.length > limit) {
        held.close();
        images.forEach(image -> passedOver.add(Reason.TOO_LARGE, image.name()));
        return;
      }
      for (ImageFile image : images) {
        if (image.cifar()) {
          decodeCifar(image, new ByteArrayInputStream(bytes));
        }
      }
    } catch (IOException | RuntimeException e) {
      held.close();
      throw e;
    }
    List<ImageFile> single = images.stream().filter(image -> !image.cifar()).toList();
    pool.run(single.size(), held, () -> decodeImage(single, bytes));
  }

  /** images: further names of one file. */
  private void decodeImage(List<ImageFile> images, byte[] bytes) {
    if (images.isEmpty()) {
      return;
    }
    listener.onDecode(EntryName.shown(images.get(0).name()));
    try {
      byte[] chw = decoder.decode(bytes);
      images.forEach(image -> shards.put(image.firstSlot(), chw, image.label()));
    } catch (NoDecoderException e) {
      throw new DatasetException(DatasetException.Kind.UNREACHABLE, e.getMessage(), e);
    } catch (IOException e) {
      images.forEach(image -> passedOver.add(Reason.DAMAGED, image.name()));
    } finally {
      listener.onDecode("");
    }
  }

  /** A file's bytes, copied once where its size is known. */
  private static byte[] content(InputStream in, long size, long limit) throws IOException {
    if (size < 0) {
      return in.readNBytes((int) limit + 1);
    }
    byte[] bytes = new byte[(int) size];
    int read = in.readNBytes(bytes, 0, bytes.length);
    return read == bytes.length ? bytes : Arrays.copyOf(bytes, read);
  }

  private void decodeCifar(ImageFile file, InputStream in) throws IOException {
    for (int done = 0; done < file.images(); done += CIFAR_RECORDS_PER_TASK) {
      int first = file.firstSlot() + done;
      int images = Math.min(CIFAR_RECORDS_PER_TASK, file.images() - done);
      byte[] records = in.readNBytes(images * CIFAR_RECORD_BYTES);
      if (records.length < images * CIFAR_RECORD_BYTES) {
        throw new IOException("'%s' ends early.".formatted(EntryName.shown(file.name())));
      }
      pool.run(
          images,
          () -> {
            listener.onDecode(EntryName.shown(file.name()));
            for (int i = 0; i < images; i++) {
              int record = i * CIFAR_RECORD_BYTES;
              int label = file.label() == ImageFile.LABEL_OF_RECORD ? records[record] & 0xFF : 0;
              if (label >= ImageClasses.CIFAR10.size()) {
                throw new DatasetException(
                    DatasetException.Kind.CORRUPT,
                    "'%s' has the label %d: expected one of CIFAR-10's, 0 to 9."
                        .formatted(EntryName.shown(file.name()), label));
              }
              shards.put(first + i, decoder.decodePlanes(records, record + 1, CIFAR_SIDE), label);
            }
            listener.onDecode("");
          });
    }
  }
}
