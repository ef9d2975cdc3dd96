/** A model's card, as its makers wrote it. */
import { useMemo, type ReactElement } from 'react';
import { blocksOf, spansOf, type Block } from './state.ts';

export function Card({ text }: { readonly text: string }): ReactElement {
  const blocks = useMemo(() => blocksOf(text), [text]);
  return <article className="card" dir="auto">{blocks.map((block, at) => <Part key={at} block={block} />)}</article>;
}

function Part({ block }: { readonly block: Block }): ReactElement {
  switch (block.kind) {
    // The screen's own headings stand above.
    case 'heading': return block.level === 1 ? <h3><Words line={block.text} /></h3> : <h4><Words line={block.text} /></h4>;
    case 'text': return <p><Words line={block.text} /></p>;
    case 'code': return <pre tabIndex={0}>{block.text}</pre>;
    case 'list': return <ul>{block.items.map((item, at) => <li key={at}><Words line={item} /></li>)}</ul>;
    case 'table': return (
      <div className="card-table" tabIndex={0}><table>
        <thead><tr>{block.head.map((cell, at) => <th key={at} scope="col"><Words line={cell} /></th>)}</tr></thead>
        <tbody>{block.rows.map((row, at) => <tr key={at}>{row.map((cell, i) => <td key={i}><Words line={cell} /></td>)}</tr>)}</tbody>
      </table></div>
    );
  }
}

function Words({ line }: { readonly line: string }): ReactElement {
  return <>{spansOf(line).map(({ text, mark }, at) => (mark === 'strong' ? <strong key={at}>{text}</strong> : mark === 'code' ? <code key={at}>{text}</code> : <span key={at}>{text}</span>))}</>;
}
