package dev.atelier.opening;

import com.sun.imageio.plugins.trap.BoobyTrapReader;
import java.io.IOException;
import java.lang.reflect.Field;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import javax.imageio.ImageReader;
import javax.imageio.spi.IIORegistry;
import javax.imageio.spi.ImageReaderSpi;
import javax.imageio.spi.ServiceRegistry;
import javax.imageio.stream.ImageInputStream;

/**
 * A reader of BMP that does what a text behind the picture says, in place of the faults of real
 * readers, which are mended once they are known. Others it leaves to the JDK's.
 */
public final class BoobyTrap extends ImageReaderSpi {

  /** What an image does as it is read; then it is 8 x 8 black pixels. */
  public enum Deed {
    CRASH, // writes to address 0
    GROW, // takes heap without end
    HANG,
    SLEEP, // for a second
    LOOK; // writes what the process sees of the world to LOOKED

    /** Does it. */
    @SuppressWarnings("ModifiedButNotUsed") // to be held is what it is for
    public void run() throws IOException {
      try {
        switch (this) {
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
  }

  /** In the process's directory. */
  static final String LOOKED = "looked";

  /** A line of {@link #LOOKED}: the process reached itself over the loopback address. */
  static final String NETWORK = "network";

  private static final int SIDE = 8;
  private static final int PICTURE_BYTES = 54 + 3 * SIDE * SIDE;

  public BoobyTrap() {
    super(
        "atelier",
        "1",
        new String[] {"bmp"},
        new String[] {"bmp"},
        new String[] {"image/bmp"},
        BoobyTrapReader.class.getName(),
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
    byte[] text = deed.name().getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(PICTURE_BYTES + text.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(new byte[] {'B', 'M'})
        .putInt(PICTURE_BYTES)
        .putInt(0)
        .putInt(54) // where the pixels begin
        .putInt(40) // bytes of the second header
        .putInt(SIDE)
        .putInt(SIDE)
        .putShort((short) 1)
        .putShort((short) 24)
        .position(PICTURE_BYTES)
        .put(text)
        .array();
  }

  /** What an image is to do, in one element, or in none. */
  public static List<Deed> deeds(ImageInputStream image) throws IOException {
    long length = Math.max(0, image.length() - PICTURE_BYTES);
    byte[] text = new byte[(int) Math.min(length, 16)];
    image.mark();
    image.seek(Math.min(PICTURE_BYTES, image.length()));
    image.readFully(text);
    image.reset();
    String name = new String(text, StandardCharsets.US_ASCII);
    return List.of(Deed.values()).stream().filter(deed -> deed.name().equals(name)).toList();
  }

  /** Comes before the JDK's own. */
  @Override
  public void onRegistration(ServiceRegistry registry, Class<?> category) {
    registry.setOrdering(ImageReaderSpi.class, this, ofTheJdk(registry));
  }

  private static ImageReaderSpi ofTheJdk(ServiceRegistry registry) {
    Iterator<ImageReaderSpi> all = registry.getServiceProviders(ImageReaderSpi.class, false);
    while (all.hasNext()) {
      ImageReaderSpi provider = all.next();
      if (provider.getClass().getName().equals("com.sun.imageio.plugins.bmp.BMPImageReaderSpi")) {
        return provider;
      }
    }
    throw new IllegalStateException("This JDK reads no BMP.");
  }

  @Override
  public boolean canDecodeInput(Object source) {
    return false; // asked for by the format's name alone
  }

  @Override
  public ImageReader createReaderInstance(Object extension) throws IOException {
    return new BoobyTrapReader(
        this, ofTheJdk(IIORegistry.getDefaultInstance()).createReaderInstance());
  }

  @Override
  public String getDescription(Locale locale) {
    return "An image that does what it says";
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
}
