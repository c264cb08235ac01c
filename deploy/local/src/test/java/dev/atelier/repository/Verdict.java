package dev.atelier.repository;

import dev.atelier.deploy.Programs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What a program said of the files that it checked, and its exit status. */
record Verdict(int status, String said) {

  /** Runs a program that {@code ./atelier test} has prepared, in a folder. */
  static Verdict of(Path folder, String program, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Programs.find(program).orElseThrow().toString());
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Verdict(process.waitFor(), said);
  }
}
