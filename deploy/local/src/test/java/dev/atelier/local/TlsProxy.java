package dev.atelier.local;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;

/**
 * Puts TLS before a gRPC server that has none, and asks for the client's certificate; as a load
 * balancer of a cluster does.
 */
final class TlsProxy implements AutoCloseable {

  private final SSLServerSocket server;
  private final int target;

  /**
   * @param context with the server's certificate and the authority of the clients'
   * @param target port on loopback
   */
  TlsProxy(SSLContext context, int target) throws IOException {
    this.target = target;
    server =
        (SSLServerSocket)
            context
                .getServerSocketFactory()
                .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
    SSLParameters parameters = server.getSSLParameters();
    parameters.setNeedClientAuth(true);
    parameters.setApplicationProtocols(new String[] {"h2"}); // gRPC insists
    server.setSSLParameters(parameters);
    start("accept", this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  private void accept() throws IOException {
    while (true) {
      Socket client = server.accept();
      start("connect", () -> connect(client));
    }
  }

  private void connect(Socket client) throws IOException {
    Socket upstream = new Socket(InetAddress.getLoopbackAddress(), target);
    start("answers", () -> copy(upstream, client));
    copy(client, upstream);
  }

  /** Ends both when one of them ends. */
  private static void copy(Socket from, Socket to) throws IOException {
    try (from;
        to;
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream()) {
      in.transferTo(out);
    }
  }

  private interface Work {
    void run() throws IOException;
  }

  private static void start(String name, Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (IOException e) {
                // The client was refused, or one of the sides has gone: so has the connection.
              }
            },
            "tls-proxy-" + name);
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
