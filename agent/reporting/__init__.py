"""What the register says of a period: figures per camera, and the French document that the law asks for.

figures, acts, footage    decide: entries in, a `Report` out, in one pass
french, content, layout   decide: the report as sections, tables and pages of placed text
document                  those pages as a PDF (fpdf2)
command                   `vigie register report` and `vigie register figures`
"""
