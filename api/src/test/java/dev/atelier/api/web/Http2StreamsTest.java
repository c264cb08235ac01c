package dev.atelier.api.web;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.WrittenLog;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.TestProfile;
import io.quarkus.vertx.http.runtime.QuarkusErrorHandler;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How many streams one HTTP/2 connection may have open, from a client that keeps no rule. */
@QuarkusTest
@TestProfile(SlowClientsTest.Limits.class)
class Http2StreamsTest {

  private static final int STREAMS = 128;
  private static final int MORE = 300;

  private static final String EXPERIMENTS = "/api/v1/experiments";

  private static final int DATA = 0;
  private static final int HEADERS = 1; // types of frames: RFC 9113, 6
  private static final int RST_STREAM = 3;
  private static final int SETTINGS = 4;
  private static final int PING = 6;
  private static final int ACK = 1; // flags
  private static final int END_STREAM = 1;
  private static final int END_HEADERS = 4;
  private static final int PRIORITY = 0x20;
  private static final int MAX_CONCURRENT_STREAMS = 3; // a setting
  private static final String OK = "88"; // status 200: RFC 7541, A and 6.1
  private static final int REFUSED_STREAM = 7; // faults
  private static final int CANCEL = 8;

  @TestHTTPResource URI server;

  @BeforeEach
  void warmUp() {
    given().get("/api/v1/experiments").then().statusCode(200);
  }

  private record Frame(int type, int flags, int stream, ByteBuffer payload) {}

  /** A connection whose frames a test writes and reads one by one. */
  private final class Client implements AutoCloseable {

    private final Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.getPort());
    private final DataInputStream in = new DataInputStream(socket.getInputStream());
    private int next = 1; // stream
    private int pings;

    Client() throws IOException {
      socket.setSoTimeout(60_000); // ends a hung test, no more
      socket
          .getOutputStream()
          .write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      send(SETTINGS, 0, 0, new byte[0]);
    }

    void send(int type, int flags, int stream, byte[] payload) throws IOException {
      ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
      frame.putInt(payload.length << 8 | type).put((byte) flags).putInt(stream).put(payload);
      socket.getOutputStream().write(frame.array());
    }

    /** Begins a request that goes on: its stream stays open. */
    int open(String method, String path) throws IOException {
      return request(method, path, 0);
    }

    /** A request without a body. */
    int ask(String path) throws IOException {
      return request("GET", path, END_STREAM);
    }

    private int request(String method, String path, int flags) throws IOException {
      ByteArrayOutputStream block = new ByteArrayOutputStream(); // RFC 7541, without any table
      block.write(method.equals("POST") ? 0x83 : 0x82);
      block.write(0x86); // :scheme http
      literal(block, 4, path);
      literal(block, 1, "127.0.0.1:" + server.getPort());
      block.write(0x0f);
      literal(block, 31 - 15, "application/json"); // content-type
      int stream = next;
      next += 2;
      send(HEADERS, END_HEADERS | flags, stream, block.toByteArray());
      return stream;
    }

    void cancel(int stream) throws IOException {
      send(RST_STREAM, 0, stream, ByteBuffer.allocate(4).putInt(CANCEL).array());
    }

    /** The first bytes of an answer's header. */
    String head(int stream) throws IOException {
      while (true) {
        Frame frame = read();
        if (frame.type == HEADERS && frame.stream == stream) {
          frame.payload.position((frame.flags & PRIORITY) == 0 ? 0 : 5);
          byte[] block = new byte[frame.payload.remaining()];
          frame.payload.get(block);
          return HexFormat.of().formatHex(block);
        }
      }
    }

    private void literal(ByteArrayOutputStream block, int name, String value) throws IOException {
      block.write(name);
      block.write(value.length());
      block.write(value.getBytes(StandardCharsets.US_ASCII));
    }

    Frame read() throws IOException {
      int head = in.readInt();
      int flags = in.readUnsignedByte();
      int stream = in.readInt();
      return new Frame(head & 0xff, flags, stream, ByteBuffer.wrap(in.readNBytes(head >>> 8)));
    }

    /** All frames of the server's that come before its answer to what was sent so far. */
    List<Frame> answers() throws IOException {
      send(PING, 0, 0, ByteBuffer.allocate(8).putLong(++pings).array());
      List<Frame> frames = new ArrayList<>();
      while (true) {
        Frame frame = read();
        if (frame.type == PING && frame.flags == ACK && frame.payload.getLong(0) == pings) {
          return frames;
        }
        frames.add(frame);
      }
    }

    private List<Integer> refused() throws IOException {
      return answers().stream()
          .filter(f -> f.type == RST_STREAM && f.payload.getInt(0) == REFUSED_STREAM)
          .map(Frame::stream)
          .toList();
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  @Test
  void shouldTellClientsHowManyStreamsTheyMayHave() throws Exception {
    try (Client client = new Client()) {
      Frame settings = client.read();
      assertThat(settings.type).isEqualTo(SETTINGS);
      int told = -1;
      while (settings.payload.hasRemaining()) {
        int setting = settings.payload.getShort();
        int value = settings.payload.getInt();
        told = setting == MAX_CONCURRENT_STREAMS ? value : told;
      }
      assertThat(told).isEqualTo(STREAMS);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "POST, /api/v1/experiments, true", // its body is waited for
    "POST, /api/v1/experiments, false", // the client never says that it has heard of the bound
    "GET, /, true", // answered at once, but the client ends its request never
    "GET, /, false",
  })
  void shouldRefuseStreamsAboveTheBound(String method, String path, boolean listens)
      throws Exception {
    try (Client client = new Client()) {
      if (listens) {
        client.send(SETTINGS, ACK, 0, new byte[0]);
      }
      List<Integer> asked = new ArrayList<>();
      for (int i = 0; i < STREAMS; i++) {
        asked.add(client.open(method, path));
      }
      assertThat(client.refused()).as("control: as many as it may").isEmpty();
      List<Integer> above = new ArrayList<>();
      while (asked.size() + above.size() < MORE) {
        above.add(client.open(method, path));
      }
      assertThat(client.refused()).isEqualTo(above);

      client.cancel(asked.get(0));
      client.cancel(asked.get(STREAMS - 1)); // a file that waits for the client to read others
      assertThat(client.refused()).isEmpty();
      client.open(method, path);
      client.open(method, path);
      assertThat(client.refused()).as("in place of those that have ended").isEmpty();
      int again = client.open(method, path);
      assertThat(client.refused()).containsExactly(again);
    }
    given().get("/api/v1/experiments").then().statusCode(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"in its body", "before it is answered", "while it is answered"})
  void shouldEndNothingButARequestThatItsClientCancels(String when) throws Exception {
    try (Client client = new Client();
        WrittenLog written = new WrittenLog(QuarkusErrorHandler.class.getName())) {
      for (int i = 0; i < 20; i++) {
        client.cancel(
            switch (when) {
              case "in its body" -> {
                int asked = client.open("POST", EXPERIMENTS);
                client.send(DATA, 0, asked, "{".getBytes(StandardCharsets.US_ASCII));
                yield asked;
              }
              case "before it is answered" -> client.ask(EXPERIMENTS);
              default -> client.ask("/"); // more bytes than the client may be sent at once
            });
      }
      int asked = client.ask(EXPERIMENTS);
      assertThat(client.head(asked)).as("the connection serves on").startsWith(OK);
      assertThat(written.shown()).isEmpty();
    }
  }
}
