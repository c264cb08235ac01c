package dev.atelier.untrusted;

import dev.atelier.untrusted.Script.Binding;
import dev.atelier.untrusted.Script.Call;
import dev.atelier.untrusted.Script.ClassDef;
import dev.atelier.untrusted.Script.Expr;
import dev.atelier.untrusted.Script.Function;
import dev.atelier.untrusted.Script.Name;
import dev.atelier.untrusted.Script.Other;
import dev.atelier.untrusted.Script.Parameter;
import dev.atelier.untrusted.Script.Select;
import dev.atelier.untrusted.Script.Subscript;
import dev.atelier.untrusted.Script.Text;
import dev.atelier.untrusted.Script.Unit;
import dev.atelier.untrusted.ScriptTokens.Kind;
import dev.atelier.untrusted.ScriptTokens.Token;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Parses TorchScript text by recursive descent, to a bounded depth. What it does not understand is
 * refused: libtorch might understand it otherwise.
 */
final class ScriptParser {

  /** Of brackets, operations, selections and blocks: libtorch's own descent has no bound. */
  static final int MAX_DEPTH = 100;

  private static final Set<String> ASSIGNMENTS =
      Set.of("+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "@=", "**=", "//=", "<<=", ">>=");
  private static final List<Set<String>> BINARY = // loosest first
      List.of(
          Set.of("or"),
          Set.of("and"),
          Set.of("<", ">", "<=", ">=", "==", "!=", "in", "is"),
          Set.of("|"),
          Set.of("^"),
          Set.of("&"),
          Set.of("<<", ">>"),
          Set.of("+", "-"),
          Set.of("*", "/", "//", "%", "@"));
  private static final Set<String> WORDS =
      Set.of(
          "and",
          "as",
          "assert",
          "async",
          "await",
          "break",
          "class",
          "continue",
          "def",
          "del",
          "elif",
          "else",
          "except",
          "finally",
          "for",
          "from",
          "global",
          "if",
          "import",
          "in",
          "is",
          "lambda",
          "nonlocal",
          "not",
          "or",
          "pass",
          "raise",
          "return",
          "try",
          "while",
          "with",
          "yield");

  private final List<Token> tokens;
  private int at;
  private int nesting;
  private List<Binding> bindings = new ArrayList<>();
  private List<Expr> expressions = new ArrayList<>();

  private ScriptParser(List<Token> tokens) {
    this.tokens = tokens;
  }

  /** The classes and functions of a file. */
  static Unit parse(String text) throws RefusedCodeException {
    return new ScriptParser(ScriptTokens.of(text)).unit();
  }

  static RefusedCodeException tooDeep(int line) {
    return new RefusedCodeException(
        "line %d is nested more than %d deep".formatted(line, MAX_DEPTH));
  }

  private Unit unit() throws RefusedCodeException {
    List<ClassDef> classes = new ArrayList<>();
    List<Function> functions = new ArrayList<>();
    while (peek().kind() != Kind.END) {
      if (peek().kind() == Kind.NEWLINE) {
        next();
      } else if (peek().is("class")) {
        classes.add(classDef());
      } else if (peek().is("def")) {
        functions.add(function());
      } else {
        throw unexpected();
      }
    }
    return new Unit(classes, functions);
  }

  private ClassDef classDef() throws RefusedCodeException {
    expect("class");
    String name = name();
    List<Expr> bases = new ArrayList<>();
    if (accept("(")) {
      while (!accept(")")) {
        bases.add(expression());
        accept(",");
      }
    }
    expect(":");
    expect(Kind.NEWLINE);
    expect(Kind.INDENT);
    Map<String, Expr> attributes = new LinkedHashMap<>();
    Map<String, Function> methods = new LinkedHashMap<>();
    List<Expr> values = new ArrayList<>();
    while (peek().kind() != Kind.DEDENT) {
      if (peek().kind() == Kind.NEWLINE || accept("pass")) {
        accept(Kind.NEWLINE);
      } else if (peek().is("def")) {
        Function method = function();
        if (methods.put(method.name(), method) != null) {
          throw new RefusedCodeException(
              "class %s defines %s twice".formatted(name, method.name()));
        }
      } else {
        attribute(attributes, values);
      }
    }
    expect(Kind.DEDENT);
    return new ClassDef(name, bases, attributes, methods, values);
  }

  /** {@code name : Type [= value]}, {@code name = value} or {@code __annotations__["x"] = Type}. */
  private void attribute(Map<String, Expr> attributes, List<Expr> values)
      throws RefusedCodeException {
    Expr target = expression();
    if (target instanceof Name plain && accept(":")) {
      putOnce(attributes, plain.id(), expression());
      if (accept("=")) {
        values.add(expressions("="));
      }
    } else {
      expect("=");
      Expr value = expressions("=");
      values.add(value);
      if (target instanceof Subscript entry
          && entry.of() instanceof Name of
          && of.id().equals("__annotations__")
          && entry.at().size() == 1
          && entry.at().get(0) instanceof Text key) {
        putOnce(attributes, key.text(), value);
      } else if (!(target instanceof Name)) {
        throw unexpected();
      }
    }
    expect(Kind.NEWLINE);
  }

  private static void putOnce(Map<String, Expr> attributes, String name, Expr type)
      throws RefusedCodeException {
    if (name.indexOf('\\') >= 0 || attributes.put(name, type) != null) {
      throw new RefusedCodeException(
          "line %d has an attribute '%s' of two types"
              .formatted(type.line(), OneLine.of(name, 60)));
    }
  }

  private Function function() throws RefusedCodeException {
    expect("def");
    String name = name();
    bindings = new ArrayList<>();
    expressions = new ArrayList<>();
    List<Parameter> parameters = new ArrayList<>();
    expect("(");
    while (!accept(")")) {
      if (accept("*")) {
        accept(",");
        continue;
      }
      String parameter = name();
      Optional<Expr> type = accept(":") ? Optional.of(expression()) : Optional.empty();
      type.ifPresent(expressions::add);
      if (accept("=")) {
        expressions.add(expression());
      }
      parameters.add(new Parameter(parameter, type));
      if (!peek().is(")")) {
        expect(",");
      }
    }
    Optional<Expr> returns = accept("->") ? Optional.of(expression()) : Optional.empty();
    returns.ifPresent(expressions::add);
    block();
    return new Function(name, parameters, returns, bindings, expressions);
  }

  private void block() throws RefusedCodeException {
    expect(":");
    if (!accept(Kind.NEWLINE)) {
      simple(); // on the same line
      return;
    }
    expect(Kind.INDENT);
    deeper();
    while (!accept(Kind.DEDENT)) {
      statement();
    }
    nesting--;
  }

  private void statement() throws RefusedCodeException {
    if (accept(Kind.NEWLINE)) {
      return;
    }
    if (accept("if") || accept("while")) {
      expressions.add(expression());
      block();
      int branches = 0; // each is a block within the one before
      while (peek().is("elif")) {
        next();
        deeper();
        branches++;
        expressions.add(expression());
        block();
      }
      nesting -= branches;
      if (accept("else")) {
        block();
      }
    } else if (accept("for")) {
      bind(targets(), Optional.empty());
      expect("in");
      expressions.add(expressions(":"));
      block();
    } else if (accept("with")) {
      do {
        expressions.add(expression());
        if (accept("as")) {
          bind(expression(), Optional.empty());
        }
      } while (accept(","));
      block();
    } else {
      simple();
    }
  }

  private void simple() throws RefusedCodeException {
    if (accept("pass") || accept("break") || accept("continue")) {
      expect(Kind.NEWLINE);
      return;
    }
    if (accept("return")) {
      if (peek().kind() != Kind.NEWLINE) {
        expressions.add(expressions(""));
      }
      expect(Kind.NEWLINE);
      return;
    }
    if (accept("raise") || accept("del") || accept("assert")) {
      expressions.add(expressions(""));
      expect(Kind.NEWLINE);
      return;
    }
    Expr first = expressions("=");
    if (accept(":")) {
      expressions.add(expression()); // a type
      Optional<Expr> value = accept("=") ? Optional.of(expressions("=")) : Optional.empty();
      value.ifPresent(expressions::add);
      bind(first, Optional.empty());
    } else if (ASSIGNMENTS.contains(peek().text())) {
      next();
      expressions.add(first);
      expressions.add(expressions(""));
      bind(first, Optional.empty());
    } else {
      List<Expr> targets = new ArrayList<>();
      Expr value = first;
      while (accept("=")) {
        targets.add(value);
        value = expressions("=");
      }
      expressions.add(value);
      for (Expr target : targets) {
        bind(target, Optional.of(value));
      }
    }
    expect(Kind.NEWLINE);
  }

  private Expr targets() throws RefusedCodeException {
    List<Expr> parts = new ArrayList<>();
    int line = peek().line();
    do {
      parts.add(postfix());
    } while (accept(",") && !peek().is("in"));
    return other(parts, line);
  }

  private void bind(Expr target, Optional<Expr> value) throws RefusedCodeException {
    if (target instanceof Name name) {
      bindings.add(new Binding(name.id(), value));
    } else if (target instanceof Other list) {
      for (Expr part : list.parts()) {
        bind(part, Optional.empty());
      }
    } else {
      expressions.add(target); // an attribute or element: what it is of, is looked at
    }
  }

  /** One expression, or several as a tuple. */
  private Expr expressions(String end) throws RefusedCodeException {
    int line = peek().line();
    Expr first = starred();
    if (!peek().is(",")) {
      return first;
    }
    List<Expr> parts = new ArrayList<>(List.of(first));
    while (accept(",")) {
      if (peek().kind() == Kind.NEWLINE || peek().is(end) || peek().is("=")) {
        break;
      }
      parts.add(starred());
    }
    return other(parts, line);
  }

  private Expr starred() throws RefusedCodeException {
    accept("*");
    return expression();
  }

  private Expr expression() throws RefusedCodeException {
    deeper();
    int line = peek().line();
    Expr value = binary(0);
    if (accept("if")) {
      Expr condition = binary(0);
      expect("else");
      value = other(List.of(value, condition, expression()), line);
    }
    nesting--;
    return value;
  }

  private Expr binary(int level) throws RefusedCodeException {
    if (level == 2 && peek().is("not")) {
      int line = next().line();
      deeper();
      Expr negated = other(List.of(binary(2)), line);
      nesting--;
      return negated;
    }
    if (level == BINARY.size()) {
      return unary();
    }
    Expr left = binary(level + 1);
    while (isOperator(level)) {
      int line = next().line();
      accept("not"); // is not
      if (tokens.get(at - 1).is("not") && peek().is("in")) {
        next();
      }
      left = other(List.of(left, binary(level + 1)), line);
    }
    return left;
  }

  private boolean isOperator(int level) {
    Token token = peek();
    if (token.kind() != Kind.SYMBOL && token.kind() != Kind.NAME) {
      return false;
    }
    boolean notIn = level == 2 && token.is("not") && tokens.get(at + 1).is("in");
    return notIn || BINARY.get(level).contains(token.text());
  }

  private Expr unary() throws RefusedCodeException {
    if (peek().is("-") || peek().is("+") || peek().is("~")) {
      int line = next().line();
      deeper();
      Expr value = other(List.of(unary()), line);
      nesting--;
      return value;
    }
    Expr base = postfix();
    if (peek().is("**")) {
      int line = next().line();
      deeper();
      base = other(List.of(base, unary()), line);
      nesting--;
    }
    return base;
  }

  private Expr postfix() throws RefusedCodeException {
    Expr value = atom();
    while (true) {
      Token token = peek();
      if (token.is(".")) {
        next();
        value = new Select(value, name(), depth(List.of(value), token), token.line());
      } else if (token.is("(")) {
        next();
        List<Expr> arguments = list(")");
        List<Expr> all = new ArrayList<>(arguments);
        all.add(value);
        value = new Call(value, arguments, depth(all, token), token.line());
      } else if (token.is("[")) {
        next();
        List<Expr> indices = list("]");
        List<Expr> all = new ArrayList<>(indices);
        all.add(value);
        value = new Subscript(value, indices, depth(all, token), token.line());
      } else {
        return value;
      }
    }
  }

  private Expr atom() throws RefusedCodeException {
    Token token = next();
    return switch (token.kind()) {
      case NAME -> {
        if (WORDS.contains(token.text())) {
          at--;
          throw unexpected();
        }
        yield new Name(token.text(), token.line());
      }
      case NUMBER -> new Other(List.of(), 1, token.line());
      case STRING -> {
        StringBuilder text = new StringBuilder(token.text());
        while (peek().kind() == Kind.STRING) { // texts side by side are one
          text.append(next().text());
        }
        yield new Text(text.toString(), token.line());
      }
      case SYMBOL ->
          switch (token.text()) {
            case "(" -> {
              List<Expr> parts = list(")");
              boolean grouping = parts.size() == 1 && !tokens.get(at - 2).is(",");
              yield grouping ? parts.get(0) : other(parts, token.line());
            }
            case "[" -> other(list("]"), token.line());
            case "{" -> other(list("}"), token.line());
            case "..." -> new Other(List.of(), 1, token.line());
            default -> {
              at--;
              throw unexpected();
            }
          };
      default -> {
        at--;
        throw unexpected();
      }
    };
  }

  /** What is between brackets: arguments, elements, entries of a dictionary, slices. */
  private List<Expr> list(String end) throws RefusedCodeException {
    deeper();
    List<Expr> parts = new ArrayList<>();
    while (!accept(end)) {
      if (accept(",")) {
        continue;
      }
      if (accept(":")) {
        continue; // of a slice or a dictionary
      }
      boolean keyword = peek().kind() == Kind.NAME && tokens.get(at + 1).is("=") && end.equals(")");
      if (keyword) {
        next();
        next();
      } else if (accept("**")) {
        throw unexpected();
      }
      parts.add(starred());
      if (accept("for")) {
        bind(targets(), Optional.empty());
        expect("in");
        parts.add(binary(0));
        if (accept("if")) {
          parts.add(expression());
        }
      }
      if (!peek().is(end) && !peek().is(",") && !peek().is(":")) {
        throw unexpected();
      }
    }
    nesting--;
    return parts;
  }

  private Other other(List<Expr> parts, int line) throws RefusedCodeException {
    return new Other(List.copyOf(parts), depth(parts, peek()), line);
  }

  private int depth(List<Expr> parts, Token token) throws RefusedCodeException {
    int depth = 1 + parts.stream().mapToInt(Expr::depth).max().orElse(0);
    if (depth > MAX_DEPTH) {
      throw tooDeep(token.line());
    }
    return depth;
  }

  private void deeper() throws RefusedCodeException {
    if (++nesting > MAX_DEPTH) {
      throw tooDeep(peek().line());
    }
  }

  private Token peek() {
    return tokens.get(at);
  }

  private Token next() {
    Token token = tokens.get(at);
    if (token.kind() != Kind.END) {
      at++;
    }
    return token;
  }

  private boolean accept(String text) {
    if (peek().is(text)) {
      at++;
      return true;
    }
    return false;
  }

  private boolean accept(Kind kind) {
    if (peek().kind() == kind) {
      next();
      return true;
    }
    return false;
  }

  private void expect(String text) throws RefusedCodeException {
    if (!accept(text)) {
      throw unexpected();
    }
  }

  private void expect(Kind kind) throws RefusedCodeException {
    if (!accept(kind)) {
      throw unexpected();
    }
  }

  private String name() throws RefusedCodeException {
    Token token = next();
    if (token.kind() != Kind.NAME) {
      at--;
      throw unexpected();
    }
    return token.text();
  }

  private RefusedCodeException unexpected() {
    Token token = peek();
    return new RefusedCodeException(
        "line %d has %s, which is not understood there"
            .formatted(
                token.line(),
                token.text().isEmpty()
                    ? token.kind().toString()
                    : "'%s'".formatted(OneLine.of(token.text(), 40))));
  }
}
