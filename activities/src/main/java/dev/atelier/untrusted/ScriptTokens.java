package dev.atelier.untrusted;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** The tokens of TorchScript text, as libtorch's own lexer cuts them; what it lacks is refused. */
final class ScriptTokens {

  /** What a token is. */
  enum Kind {
    NAME,
    NUMBER,
    STRING,
    SYMBOL,
    NEWLINE,
    INDENT,
    DEDENT,
    END
  }

  /**
   * One token.
   *
   * @param text as written; of a string, what is between its quotes
   * @param line from 1
   */
  record Token(Kind kind, String text, int line) {
    boolean is(String symbol) {
      return (kind == Kind.SYMBOL || kind == Kind.NAME) && text.equals(symbol);
    }
  }

  // Longer ones first.
  private static final List<String> SYMBOLS =
      List.of(
          "...", "**=", "//=", "<<=", ">>=", "->", "**", "//", "<<", ">>", "<=", ">=", "==", "!=",
          "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "@=", "(", ")", "[", "]", "{", "}", ",",
          ":", ".", ";", "@", "=", "+", "-", "*", "/", "%", "<", ">", "|", "&", "^", "~");

  private final String text;
  private final List<Token> tokens = new ArrayList<>();
  private final Deque<Integer> indents = new ArrayDeque<>();
  private int at;
  private int line = 1;
  private int open; // brackets

  private ScriptTokens(String text) {
    this.text = text;
    indents.push(0);
  }

  static List<Token> of(String text) throws RefusedCodeException {
    return new ScriptTokens(text).cut();
  }

  private List<Token> cut() throws RefusedCodeException {
    indentation();
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '\n') {
        at++;
        line++;
        if (open == 0) {
          add(Kind.NEWLINE, "");
          indentation();
        }
      } else if (c == ' ' || c == '\t' || c == '\r') {
        at++;
      } else if (c == '#') {
        skipComment();
      } else if (isNameStart(c)) {
        int start = at;
        while (at < text.length() && isNamePart(text.charAt(at))) {
          at++;
        }
        add(Kind.NAME, text.substring(start, at));
      } else if (isDigit(c)
          || (c == '.' && at + 1 < text.length() && isDigit(text.charAt(at + 1)))) {
        number();
      } else if (c == '"' || c == '\'') {
        string(c);
      } else {
        symbol();
      }
    }
    add(Kind.NEWLINE, "");
    while (indents.peek() > 0) {
      indents.pop();
      add(Kind.DEDENT, "");
    }
    add(Kind.END, "");
    return tokens;
  }

  private void indentation() throws RefusedCodeException {
    int width = 0;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == ' ') {
        width++;
        at++;
      } else if (c == '\n') { // an empty line
        width = 0;
        line++;
        at++;
      } else if (c == '#') {
        skipComment();
      } else if (c == '\t' || c == '\r') {
        throw refused("a tab or carriage return at the beginning of a line");
      } else {
        break;
      }
    }
    if (at == text.length()) {
      return;
    }
    if (width > indents.peek()) {
      if (indents.size() > ScriptParser.MAX_DEPTH) {
        throw ScriptParser.tooDeep(line);
      }
      indents.push(width);
      add(Kind.INDENT, "");
    }
    while (width < indents.peek()) {
      indents.pop();
      add(Kind.DEDENT, "");
    }
    if (width != indents.peek()) {
      throw refused("an indentation that fits no line above");
    }
  }

  private void skipComment() {
    while (at < text.length() && text.charAt(at) != '\n') {
      at++;
    }
  }

  private void number() {
    int start = at;
    while (at < text.length()) {
      char c = text.charAt(at);
      boolean sign = (c == '+' || c == '-') && "eE".indexOf(text.charAt(at - 1)) >= 0 && at > start;
      if (!isNamePart(c) && c != '.' && !sign) {
        break;
      }
      at++;
    }
    add(Kind.NUMBER, text.substring(start, at));
  }

  private void string(char quote) throws RefusedCodeException {
    String triple = String.valueOf(quote).repeat(3);
    boolean isTriple = text.startsWith(triple, at);
    int start = at + (isTriple ? 3 : 1);
    int end = start;
    while (true) {
      if (end >= text.length() || (!isTriple && text.charAt(end) == '\n')) {
        throw refused("a text without an end");
      }
      if (text.charAt(end) == '\\') {
        end += 2;
      } else if (isTriple ? text.startsWith(triple, end) : text.charAt(end) == quote) {
        break;
      } else {
        line += text.charAt(end) == '\n' ? 1 : 0;
        end++;
      }
    }
    add(Kind.STRING, text.substring(start, end));
    at = end + (isTriple ? 3 : 1);
  }

  private void symbol() throws RefusedCodeException {
    for (String symbol : SYMBOLS) {
      if (text.startsWith(symbol, at)) {
        at += symbol.length();
        if ("([{".contains(symbol)) {
          open++;
        } else if (")]}".contains(symbol)) {
          open = Math.max(0, open - 1);
        }
        add(Kind.SYMBOL, symbol);
        return;
      }
    }
    throw refused("the character '%s'".formatted(OneLine.of(String.valueOf(text.charAt(at)), 8)));
  }

  private RefusedCodeException refused(String what) {
    return new RefusedCodeException("line %d has %s".formatted(line, what));
  }

  private void add(Kind kind, String content) {
    tokens.add(new Token(kind, content, line));
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static boolean isNameStart(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }

  private static boolean isNamePart(char c) {
    return isNameStart(c) || isDigit(c);
  }
}
