package dev.atelier.local.command;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.local.ApiAccess;
import dev.atelier.local.ApiProgram;
import dev.atelier.local.Ports;
import dev.atelier.local.StackOptions;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

class StackCommandOptionsTest {

  @Command(name = "up")
  private static final class Up {
    @Mixin private StackCommandOptions options;
  }

  @Test
  void shouldHaveUsualPortsOfWhichEachCanBeChosen() {
    assertThat(ports()).isEqualTo(Ports.DEFAULTS);
    assertThat(ports("--s3-port", "1")).isEqualTo(new Ports(8080, 5442, 1, 7233, 8233));
  }

  @Test
  void shouldKeepAChosenPortAmongFreeOnes() {
    assertThat(ports("--free-ports")).isEqualTo(Ports.ANY);
    assertThat(ports("--free-ports", "--api-port", "8099")).isEqualTo(new Ports(8099, 0, 0, 0, 0));
    assertThat(ports("--temporal-ui-port", "8299", "--free-ports", "--postgres-port", "1"))
        .isEqualTo(new Ports(0, 1, 0, 0, 8299));
  }

  @Test
  void shouldAskForATokenUnlessToldNotTo() {
    assertThat(stack().access()).isEqualTo(ApiAccess.TOKEN);
    assertThat(stack("--open").access()).isEqualTo(ApiAccess.OPEN);
  }

  @Test
  void shouldServeWhatWasBuiltUnlessToldNotTo() {
    assertThat(stack().api()).isEqualTo(ApiProgram.BUILT);
    assertThat(stack("--dev").api()).isEqualTo(ApiProgram.SOURCES);
  }

  private static Ports ports(String... args) {
    return stack(args).ports();
  }

  private static StackOptions stack(String... args) {
    Up up = new Up();
    new CommandLine(up).parseArgs(args);
    return up.options.stack();
  }
}
