package dev.atelier.opening;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.reflect.Field;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.spi.ImageReaderSpi;
import javax.imageio.stream.ImageInputStream;

/**
 * A format of images that does to its reader what its text says, in place of the faults of real
 * readers, which are mended once they are known.
 */
public final class BoobyTrap extends ImageReaderSpi {

  /** What an image does as it is read; then it is 8 x 8 black pixels. */
  enum Deed {
    CRASH, // writes to address 0
    GROW, // takes heap without end
    HANG,
    SLEEP, // for a second
    LOOK // writes what the process sees of the world to LOOKED
  }

  /** In the process's directory. */
  static final String LOOKED = "looked";

  /** A line of {@link #LOOKED}: the process reached itself over the loopback address. */
  static final String NETWORK = "network";

  private static final byte[] MAGIC = "TRAP".getBytes(StandardCharsets.US_ASCII);
  private static final int SIDE = 8;

  public BoobyTrap() {
    super(
        "atelier",
        "1",
        new String[] {"bmp"}, // as one of those that are read
        new String[] {"trap"},
        new String[] {"image/x-trap"},
        Reader.class.getName(),
        new Class<?>[] {ImageInputStream.class},
        null,
        false,
        null,
        null,
        null,
        null,
        false,
        null,
        null,
        null,
        null);
  }

  static byte[] image(Deed deed) {
    return ("TRAP" + deed).getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public boolean canDecodeInput(Object source) throws IOException {
    ImageInputStream in = (ImageInputStream) source;
    byte[] head = new byte[MAGIC.length];
    in.mark();
    int read = in.read(head);
    in.reset();
    return read == head.length && Arrays.equals(head, MAGIC);
  }

  @Override
  public ImageReader createReaderInstance(Object extension) {
    return new Reader(this);
  }

  @Override
  public String getDescription(Locale locale) {
    return "An image that does what it says";
  }

  /** Does it. */
  static final class Reader extends ImageReader {

    Reader(ImageReaderSpi provider) {
      super(provider);
    }

    @Override
    public BufferedImage read(int index, ImageReadParam param) throws IOException {
      ImageInputStream in = (ImageInputStream) getInput();
      in.seek(MAGIC.length);
      run(Deed.valueOf(in.readLine()));
      return new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_3BYTE_BGR);
    }

    private static void run(Deed deed) throws IOException {
      try {
        switch (deed) {
          case CRASH -> {
            Class<?> type = Class.forName("sun.misc.Unsafe");
            Field only = type.getDeclaredField("theUnsafe");
            only.setAccessible(true);
            type.getMethod("putAddress", long.class, long.class).invoke(only.get(null), 0L, 0L);
          }
          case GROW -> {
            List<byte[]> held = new ArrayList<>();
            while (true) {
              held.add(new byte[1 << 20]);
            }
          }
          case HANG -> Thread.sleep(Long.MAX_VALUE);
          case SLEEP -> Thread.sleep(1000);
          case LOOK -> {
            List<String> seen = new ArrayList<>(new TreeSet<>(System.getenv().keySet()));
            if (reachesItself()) {
              seen.add(NETWORK);
            }
            Files.write(Path.of("").toAbsolutePath().resolve(LOOKED), seen);
          }
        }
      } catch (ReflectiveOperationException | InterruptedException e) {
        throw new IOException(e);
      }
    }

    private static boolean reachesItself() {
      InetAddress loopback = InetAddress.getLoopbackAddress();
      try (ServerSocket server = new ServerSocket(0, 1, loopback);
          Socket client = new Socket(loopback, server.getLocalPort())) {
        return client.isConnected();
      } catch (IOException e) {
        return false;
      }
    }

    @Override
    public int getNumImages(boolean search) {
      return 1;
    }

    @Override
    public int getWidth(int index) {
      return SIDE;
    }

    @Override
    public int getHeight(int index) {
      return SIDE;
    }

    @Override
    public Iterator<ImageTypeSpecifier> getImageTypes(int index) {
      return List.of(ImageTypeSpecifier.createFromBufferedImageType(BufferedImage.TYPE_3BYTE_BGR))
          .iterator();
    }

    @Override
    public IIOMetadata getStreamMetadata() {
      return null;
    }

    @Override
    public IIOMetadata getImageMetadata(int index) {
      return null;
    }
  }
}
