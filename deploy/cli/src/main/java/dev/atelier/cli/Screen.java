package dev.atelier.cli;

import java.io.PrintStream;
import java.util.List;

/**
 * The user's terminal, or whatever standard output is: lines that stay, and below them a block that
 * is redrawn in place where the output is a terminal. Nothing that is printed commands the
 * terminal.
 */
public final class Screen {

  private static final String NO_WRAP = "\u001b[?7l"; // a long line is cut at the edge
  private static final String WRAP = "\u001b[?7h";

  private final PrintStream out;
  private final boolean live;
  private List<String> block = List.of(); // guarded by this

  Screen(PrintStream out, boolean live) {
    this.out = out;
    this.live = live;
  }

  /** Standard output; the launcher tells whether it is a terminal. */
  public static Screen standard() {
    return new Screen(System.out, Boolean.getBoolean("atelier.terminal"));
  }

  /** True where the block can be redrawn in place. */
  boolean live() {
    return live;
  }

  /** Prints one line that stays. */
  public void print(String line) {
    print(List.of(line));
  }

  /** Prints lines that stay. */
  public void print(List<String> lines) {
    write(String.join(System.lineSeparator(), lines.stream().map(Printable::line).toList()));
  }

  /** Prints a text that breaks its own lines. */
  public void printText(String text) {
    write(Printable.lines(text));
  }

  private synchronized void write(String text) {
    clear();
    out.println(text);
    draw();
    out.flush();
  }

  /** Shows these lines in place of the block's last ones; does nothing on other outputs. */
  synchronized void show(List<String> lines) {
    if (live) {
      clear();
      block = List.copyOf(lines);
      draw();
      out.flush();
    }
  }

  /** Leaves the block on the screen as it is. */
  public synchronized void keep() {
    block = List.of();
  }

  private void clear() {
    if (!block.isEmpty()) {
      out.printf("\u001b[%dA\r\u001b[J", block.size()); // up, then clear all below
    }
  }

  private void draw() {
    if (!block.isEmpty()) {
      out.print(NO_WRAP);
      block.forEach(line -> out.println(Printable.line(line)));
      out.print(WRAP);
    }
  }
}
