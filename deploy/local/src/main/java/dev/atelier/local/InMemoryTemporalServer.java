package dev.atelier.local;

import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.temporal.internal.testservice.GRPCServerHelper;
import io.temporal.internal.testservice.TestServicesStarter;
import java.util.concurrent.TimeUnit;

/**
 * The Java SDK's own Temporal server, in memory; a program of its own. The one class that knows the
 * SDK's internals: its public starter listens on all interfaces.
 */
public final class InMemoryTemporalServer {

  static final String PORT = "ATELIER_TEMPORAL_PORT";

  private InMemoryTemporalServer() {}

  public static void main(String[] args) throws Exception {
    boolean lockTimeSkipping = true; // time runs as it does elsewhere
    TestServicesStarter services = new TestServicesStarter(lockTimeSkipping, 0L);
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(Ports.loopback(Integer.parseInt(System.getenv(PORT))))
            .permitKeepAliveTime(1, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true);
    GRPCServerHelper.registerServicesAndHealthChecks(services.getServices(), builder);
    builder.build().start().awaitTermination();
  }
}
